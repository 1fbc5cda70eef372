import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Bench, header } from './views.testkit.ts';

const noLeader = [500, 'No cluster leader'];

test('a read without contact is answered or refused as its consistency demands', async () => {
  const rows: {
    name: string;
    query: string;
    path?: string;
    lostMs: number;
    maxStaleMs?: number;
    want: 'as stale' | 'refused' | 'fresh';
  }[] = [
    { name: 'a short silence is none', query: '', lostMs: 2999, want: 'fresh' },
    { name: 'a default read', query: '', lostMs: 3000, want: 'refused' },
    { name: 'a read that asks for the leader', query: 'leader', lostMs: 3000, want: 'refused' },
    { name: 'a consistent read', query: 'consistent', lostMs: 3000, want: 'refused' },
    { name: 'a cached read', query: 'cached', lostMs: 3000, want: 'refused' },
    { name: 'a stale read of any age', query: 'stale', lostMs: 86_400_000, want: 'as stale' },
    { name: 'a read that allows more', query: 'max_stale=5s', lostMs: 4000, want: 'as stale' },
    { name: 'a read that allows less', query: 'max_stale=3500ms', lostMs: 4000, want: 'refused' },
    { name: 'discovery within its age', query: '', lostMs: 9000, maxStaleMs: 10_000, want: 'as stale' },
    { name: 'discovery beyond its age', query: '', lostMs: 10_001, maxStaleMs: 10_000, want: 'refused' },
    {
      name: 'discovery that asks for the leader',
      query: 'leader',
      lostMs: 4000,
      maxStaleMs: 9000,
      want: 'refused',
    },
    {
      name: 'KV is no discovery',
      query: '',
      path: '/v1/kv/a',
      lostMs: 4000,
      maxStaleMs: 9000,
      want: 'refused',
    },
    { name: 'KV as stale', query: 'stale', path: '/v1/kv/a', lostMs: 4000, want: 'as stale' },
  ];
  for (const { name, query, path, lostMs, maxStaleMs, want } of rows) {
    const bench = new Bench({ discoveryMaxStaleMs: maxStaleMs ?? 0 });
    bench.hand.lostMs = lostMs;
    const answer = await bench.ask(query, path);
    const said = ['X-Consul-Knownleader', 'X-Consul-Lastcontact'].map((key) => header(answer, key));
    if (want === 'refused') assert.deepEqual([answer.status, answer.body], noLeader, name);
    else assert.equal(answer.status, 200, name);
    assert.deepEqual(said, want === 'fresh' ? ['true', '0'] : ['false', String(lostMs)], name);
  }
});

test('a cached read goes on as long as its stale-if-error allows', async () => {
  const rows: [query: string, header: string, lostMs: number, status: number][] = [
    ['cached', 'stale-if-error=10', 9000, 200],
    ['cached', 'max-age=5, stale-if-error=10', 10_001, 500],
    ['cached', 'max-age=5', 4000, 500],
    ['', 'stale-if-error=10', 4000, 500],
  ];
  for (const [query, value, lostMs, status] of rows) {
    const bench = new Bench();
    bench.hand.lostMs = lostMs;
    const answer = await bench.ask(query, '/v1/health/service/a', ['Cache-Control', value]);
    assert.equal(answer.status, status, `${query} ${value}`);
  }
});

test('a body that is ready is not sent without contact, and is again on return', async () => {
  const bench = new Bench();
  const before = await bench.ask('x');
  bench.hand.lostMs = 3000;
  assert.equal(bench.views.ready('/v1/catalog/nodes?x', []), undefined);
  const stale = await bench.ask('stale');
  assert.equal(header(stale, 'X-Consul-Lastcontact'), '3000');
  bench.hand.lostMs = 3500;
  assert.equal(header(await bench.ask('stale'), 'X-Consul-Lastcontact'), '3500');
  bench.hand.lostMs = 0;
  assert.deepEqual(bench.views.ready('/v1/catalog/nodes?x', [])?.wire, before.wire);
  assert.equal(header(await bench.ask('stale'), 'X-Consul-Lastcontact'), '0');
  assert.equal(bench.renders, 2);
});

test('a query that was parked when the contact was lost gets the refusal at its end, or the answer if it is back', async () => {
  const lost = new Bench();
  const refused = lost.ask('index=5&wait=10s');
  const stale = lost.ask('index=5&wait=10s&stale');
  lost.hand.lostMs = 4000;
  await lost.clock.advance(11_000);
  assert.deepEqual([(await refused).status, (await refused).body], noLeader);
  assert.deepEqual([(await stale).status, header(await stale, 'X-Consul-Index')], [200, '5']);
  const back = new Bench();
  const parked = back.ask('index=5&wait=10s');
  back.hand.lostMs = 4000;
  await back.clock.advance(5000);
  back.hand.lostMs = 0;
  back.move();
  assert.deepEqual([(await parked).status, header(await parked, 'X-Consul-Index')], [200, '6']);
});

test('a consistent read waits until the replica shows the barrier, and is refused when that takes too long', async () => {
  const bench = new Bench();
  bench.hand.lagging = 990;
  const read = bench.ask('consistent');
  await bench.clock.advance(1000);
  bench.hand.show();
  assert.equal((await read).status, 200);
  bench.hand.lagging = 990;
  const late = bench.ask('consistent');
  await bench.clock.advance(7000);
  assert.deepEqual([(await late).status, (await late).body], noLeader);
});

test('an index above what the replica shows is waited for before anything is compared', async () => {
  const bench = new Bench();
  bench.hand.lagging = 3;
  bench.index = 3;
  const parked = bench.ask('index=4&wait=10s');
  await bench.clock.advance(1000);
  assert.equal(bench.renders, 0);
  bench.index = 6;
  bench.hand.show();
  assert.equal(header(await parked, 'X-Consul-Index'), '6');
});

test('a view without an index of its own in Consul shows its first to who passes none', async () => {
  const bench = new Bench();
  bench.firstIndex = 1;
  const shown = async (query: string): Promise<string | undefined> =>
    header(await bench.ask(query), 'X-Consul-Index');
  assert.deepEqual([await shown(''), await shown('index=1'), await shown('')], ['1', '5', '1']);
});

test('what is older than the asked index is an answer to stale reads alone', async () => {
  const bench = new Bench();
  bench.hand.lagging = 3;
  bench.index = 3;
  const answers = Promise.all([bench.ask('index=4&wait=2s'), bench.ask('index=4&wait=2s&stale')]);
  await bench.clock.advance(3000);
  const [refused, stale] = await answers;
  assert.deepEqual([refused.status, refused.body], noLeader);
  assert.deepEqual([stale.status, header(stale, 'X-Consul-Index')], [200, '3']);
});

test('the index of an answer is never below one that the asker holds and this agent has reached', async () => {
  const bench = new Bench();
  const parked = bench.ask('index=700&wait=1s');
  await bench.clock.advance(2000);
  assert.equal(header(await parked, 'X-Consul-Index'), '700');
  assert.equal(header(await bench.ask(), 'X-Consul-Index'), '5');
});

test('an index that the store gave before it was restored is answered at once, with the real one', async () => {
  const bench = new Bench();
  bench.hand.revision = 600;
  const answer = await bench.ask('index=700&wait=10s');
  assert.equal(header(answer, 'X-Consul-Index'), '5');
});

test('an index that nobody ever gave waits some seconds at most, or until the view moves', async () => {
  const bench = new Bench();
  const parked = bench.ask('index=5000&wait=60s');
  await bench.clock.advance(4999);
  assert.equal(bench.watches.parked, 1);
  await bench.clock.advance(1);
  assert.equal(header(await parked, 'X-Consul-Index'), '5');
  const moved = bench.ask('index=5000&wait=60s');
  await bench.clock.advance(10);
  bench.move();
  assert.equal(header(await moved, 'X-Consul-Index'), '6');
});

test('bodies are forgotten when the store was restored: an index may mean something else then', async () => {
  const bench = new Bench();
  await bench.ask('x');
  bench.hand.restores++;
  assert.equal(bench.views.ready('/v1/catalog/nodes?x', []), undefined);
  await bench.ask('x');
  assert.equal(bench.renders, 2);
});

test('reads in contact ask the store nothing', async () => {
  const bench = new Bench();
  for (const query of ['', 'stale', 'index=4', 'cached', 'max_stale=1s']) await bench.ask(query);
  const parked = bench.ask('index=5&wait=1s');
  bench.move();
  await parked;
  assert.equal(bench.hand.barriers, 0);
});
