import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ask, encodeQuery, show, TestCatalog, testResolver } from './dns.testkit.ts';
import type { TestQuery } from './dns.testkit.ts';
import type { AnswerOptions } from './options.ts';
import { headerFlags } from './wire.ts';

/** `count` instances of `golden-dt` with addresses of their own, on one node with meta. */
function fifty(count = 50, meta: Readonly<Record<string, string>> | null = null): TestCatalog {
  const catalog = new TestCatalog().addNode('golden-dt', '198.51.132.200', meta);
  for (let i = 0; i < count; i++) {
    catalog.addInstance('golden-dt', {
      name: 'golden-dt',
      port: 1000 + i,
      address: `198.51.${132 + (i >> 8)}.${i & 255}`,
    });
  }
  return catalog;
}

interface Case {
  readonly query: Partial<TestQuery>;
  readonly options?: Partial<AnswerOptions>;
  readonly answers: number;
  readonly additional?: number;
  readonly truncated?: boolean;
}

const cases: readonly Case[] = [
  { query: {}, answers: 3 },
  { query: { type: 'ANY' }, answers: 3 },
  { query: { type: 'SRV' }, answers: 3, additional: 3 },
  { query: { udpSize: 512 }, answers: 3 },
  { query: { udpSize: 100 }, answers: 3 },
  // Question 42 bytes, OPT 11, each record 16.
  { query: { udpSize: 513 }, answers: 28 },
  { query: { udpSize: 700 }, answers: 40 },
  { query: { udpSize: 1232 }, answers: 50 },
  // Each place 44 bytes, its address 16.
  { query: { type: 'SRV', udpSize: 1232 }, answers: 19, additional: 19 },
  { query: { type: 'SRV', udpSize: 4096 }, answers: 50, additional: 50 },
  { query: { transport: 'tcp' }, answers: 50 },
  { query: { transport: 'tcp', type: 'SRV' }, answers: 50, additional: 50 },
  { query: { transport: 'tcp', udpSize: 512 }, answers: 50 },
  { query: {}, options: { enableTruncate: true }, answers: 3, truncated: true },
  { query: { udpSize: 1232 }, options: { enableTruncate: true }, answers: 50 },
  { query: {}, options: { udpAnswerLimit: 5 }, answers: 5 },
  { query: {}, options: { udpAnswerLimit: 100 }, answers: 8 },
  // An empty answer would say that there is nothing.
  { query: {}, options: { udpAnswerLimit: 0 }, answers: 0, truncated: true },
  { query: { type: 'SRV' }, options: { udpAnswerLimit: 0 }, answers: 0, truncated: true },
  // Without compression a place takes 68 bytes and its address 40.
  { query: { type: 'SRV' }, options: { udpAnswerLimit: 5 }, answers: 4, additional: 4 },
  { query: { transport: 'tcp' }, options: { aRecordLimit: 2 }, answers: 2 },
  { query: { transport: 'tcp', type: 'SRV' }, options: { aRecordLimit: 2 }, answers: 50, additional: 50 },
  { query: {}, options: { aRecordLimit: 2, enableTruncate: true }, answers: 2 },
  { query: { udpSize: 1232 }, options: { disableCompression: true }, answers: 29 },
];

test('replies hold as much as fits', async () => {
  for (const { query, options = {}, answers, additional = 0, truncated = false } of cases) {
    const resolver = testResolver(fifty(), options);
    for (let round = 0; round < 3; round++) {
      const reply = await ask(resolver, { name: 'golden-dt.service.consul', ...query });
      const what = JSON.stringify({ query, options, round });
      assert.equal(reply.answers.length, answers, what);
      assert.equal(reply.additionals.length, additional, what);
      assert.equal((reply.flags & headerFlags.TC) !== 0, truncated, what);
      assert.equal(reply.edns?.udpSize, query.udpSize, what);
      if (query.transport !== 'tcp') assert.ok(reply.bytes <= Math.max(512, query.udpSize ?? 0), what);
      assert.equal(new Set(show(reply).slice(1)).size, answers + additional + (reply.edns ? 1 : 0), what);
    }
  }
});

test('node texts go when answers must, and the addresses left are those of the targets left', async () => {
  const resolver = testResolver(fifty(50, { env: 'prod' }));
  const reply = await ask(resolver, { name: 'golden-dt.service.consul', type: 'SRV' });
  const targets = reply.answers.map(({ data }) => (data.type === 'SRV' ? data.target : ''));
  assert.equal(targets.length, 3);
  assert.deepEqual(
    reply.additionals.map(({ name, data }) => [name, data.type]),
    targets.map((name) => [name, 'A']),
  );
  const all = await ask(resolver, { name: 'golden-dt.service.consul', type: 'SRV', udpSize: 8192 });
  assert.equal(all.additionals.length, 100);
});

test('a target that is left several times has its address once', async () => {
  const catalog = new TestCatalog().addNode('n', '10.0.0.1', { a: 'b' });
  for (let port = 1; port <= 9; port++) catalog.addInstance('n', { name: 'ports', port });
  const reply = await ask(testResolver(catalog), { name: 'ports.service.consul', type: 'SRV' });
  assert.equal(reply.answers.length, 3);
  assert.deepEqual(
    show(reply).filter((line) => line.startsWith('ar')),
    ['ar n.node.dc1.consul. 0 A 10.0.0.1'],
  );
});

test('over TCP thousands of instances are cut to 64 KiB', async () => {
  const resolver = testResolver(fifty(5000));
  const addresses = await ask(resolver, { name: 'golden-dt.service.consul', transport: 'tcp' });
  assert.equal(addresses.answers.length, 4092);
  const places = await ask(resolver, { name: 'golden-dt.service.consul', type: 'SRV', transport: 'tcp' });
  assert.ok(places.answers.length > 900 && places.answers.length <= 1024, String(places.answers.length));
  assert.equal(places.additionals.length, places.answers.length);
  assert.ok(places.bytes <= 65_523);
});

test('a single answer too large for UDP is asked for over TCP', async () => {
  const catalog = new TestCatalog().addNode('n', '10.0.0.1', { 'rfc1035-long': 'x'.repeat(510) });
  const resolver = testResolver(catalog);
  const text = await ask(resolver, { name: 'n.node.consul', type: 'TXT' });
  assert.deepEqual(show(text), ['NOERROR aa tc rd']);
  const address = await ask(resolver, { name: 'n.node.consul' });
  assert.deepEqual(show(address), ['NOERROR aa rd', 'an n.node.consul. 0 A 10.0.0.1']);
  const overTcp = await ask(resolver, { name: 'n.node.consul', type: 'TXT', transport: 'tcp' });
  assert.equal(overTcp.answers.length, 1);
});

test('each reply has an order of its own, every order alike', async () => {
  const resolver = testResolver(fifty(3, { a: 'b' }));
  for (const query of [{}, { type: 'SRV' as const }, { udpSize: 1232 }]) {
    const orders = new Map<string, number>();
    for (let i = 0; i < 1200; i++) {
      const reply = await ask(resolver, { name: 'golden-dt.service.consul', ...query });
      const order = JSON.stringify(reply.answers.map(({ data }) => data));
      orders.set(order, (orders.get(order) ?? 0) + 1);
    }
    assert.equal(orders.size, 6);
    // 200 each; 120 is six standard deviations away.
    for (const count of orders.values()) assert.ok(count > 120, String(count));
  }
});

test('which three of fifty are given is random too', async () => {
  const resolver = testResolver(fifty());
  const seen = new Set<string>();
  for (let i = 0; i < 200; i++) {
    const reply = await ask(resolver, { name: 'golden-dt.service.consul' });
    for (const line of show(reply).slice(1)) seen.add(line);
  }
  assert.equal(seen.size, 50);
});

test('a reply never exceeds what its asker can take, and says only what is true', async () => {
  const meta = fc.dictionary(fc.string({ maxLength: 10 }), fc.string({ maxLength: 300 }), { maxKeys: 5 });
  const scene = fc.record({
    count: fc.integer({ min: 1, max: 40 }),
    own: fc.array(fc.boolean(), { minLength: 40, maxLength: 40 }),
    meta,
    udpSize: fc.option(fc.integer({ min: 0, max: 5000 }), { nil: undefined }),
    type: fc.constantFrom('A' as const, 'SRV' as const, 'ANY' as const),
    mixedCase: fc.boolean(),
    disableCompression: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      scene,
      async ({ count, own, meta: pairs, udpSize, type, mixedCase, disableCompression }) => {
        const catalog = new TestCatalog();
        for (let i = 0; i < count; i++) {
          catalog.addNode(`node-${i % 7}`, `10.0.0.${i % 7}`, pairs);
          catalog.addInstance(`node-${i % 7}`, {
            name: 'web',
            port: i,
            ...(own[i] ? { address: `10.1.0.${i}` } : {}),
          });
        }
        const name = mixedCase ? 'wEb.Service.CONSUL.' : 'web.service.consul.';
        const resolver = testResolver(catalog, { disableCompression });
        const query = { name, type, ...(udpSize === undefined ? {} : { udpSize }) };
        const all = await ask(resolver, { name, type, transport: 'tcp' });
        const truth = new Set([...show(all), `opt ${udpSize}`]);
        for (let round = 0; round < 2; round++) {
          const reply = await ask(resolver, query);
          assert.ok(reply.bytes <= Math.max(512, udpSize ?? 0));
          for (const line of show(reply)) assert.ok(truth.has(line), line);
          assert.ok(reply.answers.length > 0 && reply.answers.every((record) => record.name === name));
        }
      },
    ),
    { numRuns: 200 },
  );
});

test('cached answers follow the catalog at once', async () => {
  const catalog = fifty(1);
  const resolver = testResolver(catalog);
  const question = { name: 'golden-dt.service.consul' };
  assert.equal((await ask(resolver, question)).answers.length, 1);
  catalog.addInstance('golden-dt', { name: 'golden-dt', address: '10.9.9.9' });
  assert.equal((await ask(resolver, question)).answers.length, 2);
  catalog.removeInstances('golden-dt');
  assert.equal((await ask(resolver, question)).rcode, 3);
  catalog.addInstance('golden-dt', { name: 'golden-dt', address: '10.9.9.8' });
  assert.deepEqual(show(await ask(resolver, question)).slice(1), [
    'an golden-dt.service.consul. 0 A 10.9.9.8',
  ]);
});

test('an answer is made once for all spellings and repeats', async () => {
  const catalog = fifty(2);
  const resolver = testResolver(catalog);
  for (const name of ['golden-dt.service.consul', 'GOLDEN-dt.service.consul', 'golden-DT.Service.Consul']) {
    for (let i = 0; i < 3; i++) {
      const reply = await ask(resolver, { name });
      assert.equal(reply.questions[0]!.name, `${name}.`);
      assert.ok(reply.answers.every((record) => record.name === `${name}.`));
    }
  }
  assert.equal(catalog.reads, 1);
});

test('cached answers are forgotten when the store was restored, though the index is the same', async () => {
  const catalog = new TestCatalog().addNode('n1', '192.0.2.1').addInstance('n1', { name: 'web' });
  let restores = 0;
  const resolver = testResolver(catalog, {}, { restores: () => restores });
  const query = { name: 'web.service.consul' };
  await ask(resolver, query);
  const { reads } = catalog;
  await ask(resolver, query);
  assert.equal(catalog.reads, reads);
  restores = 1;
  await ask(resolver, query);
  assert.ok(catalog.reads > reads);
});

test('the ID and the bits that are copied are those of each question, from the cache too', async () => {
  const resolver = testResolver(fifty(1));
  for (const [id, flags] of [
    [1, 0x0100],
    [2, 0],
    [0xfffe, 0x0110],
    [7, 0x0020],
    [9, 0x0010],
  ] as const) {
    const query = encodeQuery({ name: 'golden-dt.service.consul', flags });
    query.writeUInt16BE(id, 0);
    const reply = await resolver.resolve(query, 'udp');
    assert.equal(reply?.readUInt16BE(0), id);
    assert.equal(reply?.readUInt16BE(2), 0x8400 | (flags & 0x0110));
  }
});
