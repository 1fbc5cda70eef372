import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { Watches } from '../watch/watches.ts';
import type { View } from '../watch/view.ts';
import { textAnswer, type Answer } from './answer.ts';
import { HttpError } from './errors.ts';
import { Query } from './query.ts';
import { HttpRequest } from './request.ts';
import { Views, type Contact, type Family } from './views.ts';

const family: Family = {
  effectiveConsistency: true,
  failuresHaveMeta: true,
  cacheable: false,
  streaming: false,
};

class HandContact implements Contact {
  known = true;
  #lostMs = 0;

  lastContactMs(): number {
    return this.#lostMs;
  }

  lose(lostMs: number): void {
    this.known = false;
    this.#lostMs = lostMs;
  }
}

/** A view of one number, moved by hand, and readers of it. */
class Bench {
  readonly clock = new ManualClock();
  readonly watches = new Watches({ clock: this.clock });
  readonly contact = new HandContact();
  catchUps = 0;
  renders = 0;
  index = 5;
  readonly views: Views;
  readonly view: View<number> = { topics: ['t'], index: () => this.index, read: () => this.index * 10 };
  readonly #controller = new AbortController();

  constructor(options: { readonly leaderReads?: boolean; readonly discoveryMaxStaleMs?: number } = {}) {
    const limits = {
      defaultWaitMs: 300_000,
      maxWaitMs: 600_000,
      discoveryMaxStaleMs: options.discoveryMaxStaleMs ?? 0,
      useCache: true,
    };
    this.views = new Views(
      {
        limits,
        datacenter: 'dc1',
        leaderReads: options.leaderReads ?? false,
        baseHeaders: [],
        cacheBytes: 1_000_000,
        random: () => 1,
      },
      {
        watches: this.watches,
        contact: this.contact,
        catchUp: async () => void this.catchUps++,
      },
    );
  }

  async ask(query = '', path = '/v1/catalog/nodes'): Promise<Answer> {
    const head = {
      method: 'GET',
      target: query === '' ? path : `${path}?${query}`,
      rawHeaders: [],
      remoteAddress: '',
    };
    const parts = {
      path,
      target: head.target,
      tail: '',
      query: Query.parse(query)!,
      rawQuery: query,
      pretty: false,
    };
    const source = { body: () => Promise.resolve(new Uint8Array()), signal: () => this.#controller.signal };
    try {
      return await this.views.answer(new HttpRequest(head, parts, source), family, () => ({
        view: this.view,
        render: (value) => {
          this.renders++;
          return { status: 200, headers: [], body: String(value) };
        },
      }));
    } catch (error) {
      if (error instanceof HttpError)
        return { ...textAnswer(error.status, error.message), headers: error.headers };
      throw error;
    }
  }

  move(): void {
    this.index++;
    this.watches.publish(['t']);
  }
}

function header(answer: Answer, name: string): string | undefined {
  const list = answer.wire ?? answer.headers;
  const at = list.indexOf(name);
  return at < 0 ? undefined : list[at + 1];
}

test('an index below the view answers at once; 0, none and a wait alone never block', async () => {
  const bench = new Bench();
  for (const query of ['', 'index=0&wait=10s', 'wait=10s', 'index=4&wait=10s', 'index=']) {
    assert.equal(header(await bench.ask(query), 'X-Consul-Index'), '5', query);
  }
  assert.equal(bench.clock.pendingTimers, 0);
});

test('a parked query wakes when its view moves, with the new body and index', async () => {
  const bench = new Bench();
  const parked = bench.ask('index=5&wait=10s');
  bench.move();
  const answer = await parked;
  assert.equal(String(answer.body), '60');
  assert.equal(header(answer, 'X-Consul-Index'), '6');
});

test('a wait ends no later than a sixteenth after what was asked, with the current answer', async () => {
  const rows: [string, number][] = [
    ['index=5&wait=16s', 17_000],
    ['index=5', 318_750],
    ['index=5&wait=-5s', 318_750],
    ['index=5&wait=20m', 637_500],
  ];
  for (const [query, endsMs] of rows) {
    const bench = new Bench();
    let answered = false;
    const parked = bench.ask(query).then((answer) => {
      answered = true;
      return answer;
    });
    await bench.clock.advance(endsMs - 1);
    assert.ok(!answered, query);
    await bench.clock.advance(1);
    assert.equal(header(await parked, 'X-Consul-Index'), '5');
  }
});

test('an index from the future blocks and the answer has the real one', async () => {
  const bench = new Bench();
  const parked = bench.ask('index=18446744073709551615&wait=1s');
  await bench.clock.advance(2000);
  assert.equal(header(await parked, 'X-Consul-Index'), '5');
});

test('a body is encoded once for all who ask for it at one index', async () => {
  const bench = new Bench();
  const parked = Array.from({ length: 100 }, (_, i) => bench.ask(`index=5&wait=${i + 1}s`));
  bench.move();
  const answers = await Promise.all([...parked, bench.ask(), bench.ask('wait=1s')]);
  assert.equal(bench.renders, 1);
  assert.ok(answers.every(({ body }) => body === answers[0]!.body));
});

test('a target that was answered is ready the next time, until its view moves', async () => {
  const bench = new Bench();
  assert.equal(bench.views.ready('/v1/catalog/nodes?x=1', []), undefined);
  const answer = await bench.ask('x=1');
  assert.deepEqual(bench.views.ready('/v1/catalog/nodes?x=1', [])?.wire, answer.wire);
  assert.ok(bench.views.ready('/v1/catalog/nodes?x=1', ['Host', 'a', 'User-Agent', 'b']) !== undefined);
  assert.equal(bench.views.ready('/v1/catalog/nodes?x=1', ['Cache-Control', 'max-age=x']), undefined);
  assert.equal(bench.views.ready('/v1/catalog/nodes?x=1', ['x-consul-namespace', 'team']), undefined);
  bench.index++;
  assert.equal(bench.views.ready('/v1/catalog/nodes?x=1', []), undefined);
});

test('consistent reads catch up first, and are never ready', async () => {
  const bench = new Bench();
  await bench.ask('stale');
  await bench.ask();
  assert.equal(bench.catchUps, 0);
  assert.equal(header(await bench.ask('consistent'), 'X-Consul-Effective-Consistency'), 'consistent');
  assert.equal(bench.catchUps, 1);
  assert.equal(bench.views.ready('/v1/catalog/nodes?consistent', []), undefined);
  const strict = new Bench({ leaderReads: true });
  await strict.ask();
  assert.equal(strict.catchUps, 1);
  assert.equal(strict.views.ready('/v1/catalog/nodes', []), undefined);
});

test('without a leader, stale reads go on and say so; others are refused, ready ones too', async () => {
  const bench = new Bench();
  await bench.ask('x');
  bench.contact.lose(4000);
  const stale = await bench.ask('stale');
  assert.equal(stale.status, 200);
  assert.equal(header(stale, 'X-Consul-Knownleader'), 'false');
  assert.equal(header(stale, 'X-Consul-Lastcontact'), '4000');
  for (const query of ['x', 'consistent', 'index=5', 'max_stale=3s']) {
    const answer = await bench.ask(query);
    assert.deepEqual([answer.status, answer.body], [500, 'No cluster leader'], query);
  }
  assert.equal((await bench.ask('max_stale=5s')).status, 200);
  assert.equal(bench.views.ready('/v1/catalog/nodes?x', []), undefined);
});

test('a query that was parked when the leader was lost is refused when its wait ends', async () => {
  const bench = new Bench();
  const parked = bench.ask('index=5&wait=1s');
  bench.contact.lose(4000);
  await bench.clock.advance(2000);
  assert.equal((await parked).body, 'No cluster leader');
});

test('discovery_max_stale makes reads of catalog and health stale ones, and only those', async () => {
  const bench = new Bench({ discoveryMaxStaleMs: 10_000 });
  assert.equal(header(await bench.ask(), 'X-Consul-Effective-Consistency'), 'stale');
  assert.equal(header(await bench.ask('leader'), 'X-Consul-Effective-Consistency'), 'leader');
  assert.equal(header(await bench.ask('', '/v1/kv/x'), 'X-Consul-Effective-Consistency'), 'leader');
  bench.contact.lose(9000);
  assert.equal((await bench.ask('y')).status, 200);
  bench.contact.lose(11_000);
  assert.equal((await bench.ask('y')).status, 500);
});

test('a failure after the parameters were read carries the headers of an unset index', async () => {
  const bench = new Bench();
  const elsewhere = await bench.ask('dc=nowhere');
  assert.deepEqual([elsewhere.status, elsewhere.body], [500, 'No path to datacenter']);
  assert.equal(header(elsewhere, 'X-Consul-Index'), '1');
  assert.equal(header(elsewhere, 'X-Consul-Knownleader'), 'false');
  for (const query of ['index=x', 'wait=10', 'stale&consistent', 'cached&consistent', 'max_stale=x']) {
    const refused = await bench.ask(query);
    assert.equal(refused.status, 400, query);
    assert.equal(header(refused, 'X-Consul-Index'), undefined, query);
  }
});
