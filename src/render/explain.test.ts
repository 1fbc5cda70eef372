import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { systemClock } from '../lib/clock.ts';
import { type Asker, type Explanation, explainTemplate } from './explain.ts';
import { type Fixture, fixtureSource } from './fixture-source.ts';

/** Answers from a fixture that `later` may replace; index 7, 3 ms behind. */
function askerOf(fixture: () => Fixture): Asker & { asked: number } {
  const asker = {
    asked: 0,
    ask: (query: Parameters<Asker['ask']>[0]) => {
      asker.asked++;
      const source = fixtureSource(fixture());
      const answer = source.subscribe(
        query,
        () => {},
        () => {},
      );
      return Promise.resolve({ data: answer.current()?.data, index: 7, lastContactMs: 3 });
    },
  };
  return asker;
}

function explain(text: string, asker: Asker, timeoutMs = 0): Promise<Explanation> {
  const template = {
    name: 'x',
    text,
    leftDelimiter: '',
    rightDelimiter: '',
    missingKey: 'zero' as const,
    functionDenylist: [],
    sandboxPath: '',
    environment: {},
  };
  return explainTemplate(
    template,
    { asker, clock: systemClock },
    { timeoutMs, signal: new AbortController().signal },
  );
}

const catalog = { web: [], db: [] };
const services = [{ Node: 'n', Name: 'web', ID: 'w1' }];

test('dependencies that others lead to are found, each asked once, with the size of its answer', async () => {
  const asker = askerOf(() => ({ catalog, services }));
  const { ready, passes, outputBytes, dependencies } = await explain(
    '{{ range services }}{{ range service .Name }}{{ .ID }}{{ end }}{{ end }}',
    asker,
  );
  assert.deepEqual([ready, passes, outputBytes, asker.asked], [true, 3, 2, 3]);
  assert.deepEqual(
    dependencies.map(({ id, state, items, index, staleMs }) => [id, state, items, index, staleMs]),
    [
      ['catalog.services', 'known', 2, 7, 3],
      ['health.service(db|passing)', 'known', 0, 7, 3],
      ['health.service(web|passing)', 'known', 1, 7, 3],
    ],
  );
  assert.ok(dependencies[0]!.bytes! > 10);
});

test('what is missing is told with the time that it was waited for', async () => {
  const asker = askerOf(() => ({ kv: { a: 'text' } }));
  const { ready, error, outputBytes, dependencies } = await explain(
    '{{ key "a" }}{{ key "b" }}{{ file "/no/such" }}',
    asker,
  );
  assert.deepEqual([ready, error, outputBytes], [false, undefined, undefined]);
  assert.deepEqual(
    dependencies.map(({ id, state, items, bytes, error: why }) => [id, state, items, bytes, why]),
    [
      ['kv.block(a)', 'known', 1, 4, undefined],
      ['kv.block(b)', 'missing', 0, 0, undefined],
      ['file(/no/such)', 'missing', undefined, undefined, 'no such file or directory'],
    ],
  );
  assert.ok(dependencies[1]!.missingMs! >= 0);
});

test('a key that appears in time makes the template ready', async () => {
  let kv: Record<string, string> = {};
  const asker = askerOf(() => ({ kv }));
  setTimeout(() => (kv = { a: 'x' }), 50);
  const { ready, dependencies } = await explain('{{ key "a" }}', asker, 5000);
  assert.deepEqual([ready, dependencies[0]?.state], [true, 'known']);
});

test('a source that refuses is named, and the template’s own failure only counts when nothing is missing', async () => {
  const refusing: Asker = { ask: () => Promise.reject(new Error('refused')) };
  const missing = await explain('{{ key "a" }}{{ divide 0 1 }}', refusing);
  assert.deepEqual([missing.error, missing.dependencies[0]?.error], [undefined, 'refused']);
  const broken = await explain('{{ divide 0 1 }}', refusing);
  assert.match(broken.error ?? '', /integer divide by zero/);
  await assert.rejects(explain('{{ if }}', refusing), /missing value for if/);
});

test('nothing is written', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'explain-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'written');
  const { ready } = await explain(
    `{{ writeToFile "${path}" "" "" "0644" "text" }}`,
    askerOf(() => ({})),
  );
  assert.deepEqual([ready, existsSync(path)], [true, false]);
});
