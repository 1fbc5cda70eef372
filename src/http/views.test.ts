import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, header } from './views.testkit.ts';

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
  assert.equal(bench.hand.barriers, 0);
  assert.equal(header(await bench.ask('consistent'), 'X-Consul-Effective-Consistency'), 'consistent');
  assert.equal(bench.hand.barriers, 1);
  assert.equal(bench.views.ready('/v1/catalog/nodes?consistent', []), undefined);
  const strict = new Bench({ leaderReads: true });
  await strict.ask();
  assert.equal(strict.hand.barriers, 1);
  assert.equal(strict.views.ready('/v1/catalog/nodes', []), undefined);
});

test('discovery_max_stale makes reads of catalog and health stale ones, and only those', async () => {
  const bench = new Bench({ discoveryMaxStaleMs: 10_000 });
  assert.equal(header(await bench.ask(), 'X-Consul-Effective-Consistency'), 'stale');
  assert.equal(header(await bench.ask('leader'), 'X-Consul-Effective-Consistency'), 'leader');
  assert.equal(header(await bench.ask('', '/v1/kv/x'), 'X-Consul-Effective-Consistency'), 'leader');
  bench.hand.lostMs = 9000;
  assert.equal((await bench.ask('y')).status, 200);
  bench.hand.lostMs = 11_000;
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
