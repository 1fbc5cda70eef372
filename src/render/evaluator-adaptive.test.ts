import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, existsSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { AdaptiveEvaluator } from './evaluator-adaptive.ts';
import { Evaluator } from './evaluator.ts';
import type { Evaluation, TemplateText, World } from './evaluator.ts';
import { EvaluatorThread } from './evaluator-thread.ts';
import { TemplateError } from '../template/errors.ts';
import { answerKey } from './evaluator-messages.ts';
import { instance } from './source.testkit.ts';

const directory = mkdtempSync(join(tmpdir(), 'portolan-adaptive-'));
const thread = new EvaluatorThread();
after(() => {
  thread.close();
  rmSync(directory, { recursive: true, force: true });
});

function text(parts: Pick<TemplateText, 'text'> & Partial<TemplateText>): TemplateText {
  return {
    name: 't',
    leftDelimiter: '',
    rightDelimiter: '',
    missingKey: 'zero',
    functionDenylist: [],
    sandboxPath: '',
    environment: { MINE: 'own' },
    ...parts,
  };
}

/** Answers by the last word of a query. */
class Answers implements World {
  readonly byName = new Map<string, unknown>();

  lookup(dependency: Parameters<World['lookup']>[0]): { readonly data: unknown } | undefined {
    const query = JSON.parse(dependency.kind === 'file' ? '{}' : answerKey(dependency)) as Record<
      string,
      string
    >;
    const name = query['name'] ?? query['key'] ?? query['type'] ?? '';
    return this.byName.has(name) ? { data: this.byName.get(name) } : undefined;
  }
  environment(): string | undefined {
    return undefined;
  }
  wallMs(): number {
    return 1_700_000_000_000;
  }
}

/** Asks until there is an evaluation; how often it was called back, and how long this thread ran between two turns at most. */
async function finish(evaluator: AdaptiveEvaluator, world: World) {
  let calls = 0;
  let longestMs = 0;
  let last = busyMs();
  const look = (): void => {
    const now = busyMs();
    longestMs = Math.max(longestMs, now - last);
    last = now;
  };
  const probe = setInterval(look, 2);
  for (;;) {
    let wake = (): void => {};
    const done = new Promise<void>((resolve) => (wake = resolve));
    const evaluation = evaluator.evaluate(world, () => {
      calls++;
      wake();
    });
    look();
    if (evaluation !== undefined) {
      clearInterval(probe);
      return { evaluation, calls, longestMs };
    }
    await done;
  }
}

/** Of a processor, for this thread: on a busy machine the wall clock also counts others' turns. */
function busyMs(): number {
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'latin1').split(' ')[0]) / 1e6;
}

function output({ result }: Evaluation): string {
  assert.ok('output' in result, 'error' in result ? result.error.message : '');
  return result.output;
}

const heavy = `{{range loop 3000}}{{range loop 100}}{{printf "%d" .}}{{end}}{{end}}`;

test('a short one is done at once', () => {
  const evaluator = new AdaptiveEvaluator(text({ text: 'a{{1}}' }), thread);
  const evaluation = evaluator.evaluate(new Answers(), () => assert.fail('nothing is under way'));
  assert.equal(output(evaluation!), 'a1');
});

test('a long one goes to another thread, says the same there, and holds nobody up', async () => {
  // The thread and the language are warm.
  await finish(new AdaptiveEvaluator(text({ text: heavy }), thread), new Answers());
  const evaluator = new AdaptiveEvaluator(text({ text: heavy }), thread);
  const { evaluation, calls, longestMs } = await finish(evaluator, new Answers());
  const here = new Evaluator(text({ text: heavy })).evaluate(new Answers());
  assert.equal(output(evaluation), output(here));
  assert.equal(calls, 1);
  // 15 ms, and what the test itself does.
  assert.ok(longestMs < 30, `held for ${longestMs} ms`);
  // It is known now: not even tried here.
  assert.equal(
    evaluator.evaluate(new Answers(), () => {}),
    undefined,
  );
});

test('answers are there as they are here, long lists and all; asked for step by step', async () => {
  const world = new Answers();
  const rows = Array.from({ length: 1001 }, (_, i) => instance({ id: `web-${i}`, port: i }));
  world.byName.set('services', [{ name: 'web', tags: [] }]);
  world.byName.set('web', rows);
  world.byName.set('k', 'value \udcff');
  const all = `${heavy}{{range services}}{{range service .Name}}{{.Port}} {{end}}{{end}}{{key "k"}}{{env "MINE"}}{{timestamp "unix"}}`;
  const { evaluation } = await finish(new AdaptiveEvaluator(text({ text: all }), thread), world);
  const here = new Evaluator(text({ text: all })).evaluate(world);
  assert.deepEqual(evaluation, here);
  assert.deepEqual(
    evaluation.used.map(({ id }) => id),
    ['catalog.services', 'health.service(web|passing)', 'kv.block(k)'],
  );
});

test('what is not known is missing there too', async () => {
  const world = new Answers();
  const { evaluation } = await finish(
    new AdaptiveEvaluator(text({ text: `${heavy}{{key "absent"}}` }), thread),
    world,
  );
  assert.deepEqual(
    evaluation.missing.map(({ id }) => id),
    ['kv.block(absent)'],
  );
});

test('changes under way: the one that has begun is given out as it began, then another one follows', async () => {
  const world = new Answers();
  world.byName.set('k', '1');
  const evaluator = new AdaptiveEvaluator(text({ text: `{{key "k"}} ${heavy} {{key "k"}}` }), thread);
  await finish(evaluator, world);
  let calls = 0;
  let wake = (): void => {};
  const onDone = (): void => {
    calls++;
    wake();
  };
  const called = (): Promise<void> => new Promise((resolve) => (wake = resolve));
  assert.equal(evaluator.evaluate(world, onDone), undefined);
  for (let i = 2; i < 5; i++) {
    world.byName.set('k', String(i));
    assert.equal(evaluator.evaluate(world, onDone), undefined);
  }
  await called();
  assert.match(output(evaluator.evaluate(world, onDone)!), /^1 .* 1$/);
  await called();
  assert.equal(evaluator.evaluate(world, onDone), undefined);
  await called();
  assert.match(output(evaluator.evaluate(world, onDone)!), /^4 .* 4$/);
  assert.equal(calls, 3);
});

test('a template that goes while it is evaluated is finished, and others go on', async () => {
  const gone = new AdaptiveEvaluator(text({ text: heavy }), thread);
  let told = 0;
  const first = gone.evaluate(new Answers(), () => told++);
  gone.close();
  const next = new AdaptiveEvaluator(text({ text: `${heavy}next` }), thread);
  const { evaluation } = await finish(next, new Answers());
  assert.match(output(evaluation), /next$/);
  assert.deepEqual([first, told], [undefined, 1]);
  next.close();
  const { evaluation: again } = await finish(next, new Answers());
  assert.match(output(again), /next$/);
});

test('limits and errors there have the texts that they have here', async () => {
  const texts = [
    '{{range loop 1000000000}}{{end}}',
    `${heavy}{{range loop 30000}}{{range loop 1000}}0123456789012345678901234567890123456789{{end}}{{end}}`,
    `${heavy}\n{{.a.b.c | nope}}`.replace(' | nope', ''),
    `${heavy}{{"x" | parseInt}}`,
  ];
  for (const one of texts) {
    const limits = { steps: 2_000_000, outputLength: 10_000_000 };
    const { evaluation } = await finish(
      new AdaptiveEvaluator(text({ text: one, limits }), thread),
      new Answers(),
    );
    const here = new Evaluator(text({ text: one, limits })).evaluate(new Answers());
    const [there, want] = [evaluation.result, here.result].map((result) =>
      'error' in result ? result.error : undefined,
    );
    if (want === undefined) continue;
    assert.equal(there?.message, want.message);
    assert.ok(there instanceof TemplateError && want instanceof TemplateError);
    assert.deepEqual([there.phase, there.line, there.column], [want.phase, want.line, want.column]);
  }
});

test('a template that takes for ever is ended, and the next one finds a new thread', async () => {
  const impatient = new EvaluatorThread({ limitMs: 150 });
  const endless = '{{range loop 1000000000}}{{range loop 1000000000}}{{end}}{{end}}';
  const evaluator = new AdaptiveEvaluator(text({ text: endless, limits: { steps: 1e12 } }), impatient);
  const { evaluation } = await finish(evaluator, new Answers());
  assert.ok('error' in evaluation.result);
  assert.match(evaluation.result.error.message, /^exceeded the time allowed \(0.15 s\)$/);
  const next = await impatient.evaluate(9, text({ text: 'ok' }), [], new Answers());
  assert.equal(output(next.evaluation), 'ok');
  impatient.close();
  const closed = await impatient.evaluate(9, text({ text: 'ok' }), [], new Answers());
  assert.ok('error' in closed.evaluation.result);
});

test('plugin runs elsewhere, once everything before it is there; writeToFile writes when all is', async () => {
  const world = new Answers();
  const trace = join(directory, 'trace');
  const extra = join(directory, 'extra');
  const evaluator = new AdaptiveEvaluator(
    text({
      text: `{{$k := key "k"}}{{plugin "sh" "-c" "echo ran >> ${trace}; sleep 0.2; echo out"}}{{writeToFile "${extra}" "" "" "0644" $k}}`,
    }),
    thread,
  );
  const first = await finish(evaluator, world);
  assert.equal(first.evaluation.missing.length, 1);
  assert.deepEqual([existsSync(trace), existsSync(extra)], [false, false]);
  world.byName.set('k', 'v');
  const { evaluation, longestMs } = await finish(evaluator, world);
  assert.equal(output(evaluation), 'out');
  assert.ok(longestMs < 30, `held for ${longestMs} ms`);
  assert.deepEqual([readFileSync(trace, 'utf8'), readFileSync(extra, 'utf8')], ['ran\n', 'v']);
});
