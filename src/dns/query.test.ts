import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeQuery, TestCatalog, testResolver } from './dns.testkit.ts';
import { decodeMessage } from './wire-decode.ts';

const question = '06636f6e73756c0000010001';
const cases: readonly {
  readonly what: string;
  readonly hex: string;
  readonly want: string | RegExp | null;
}[] = [
  { what: 'an empty packet', hex: '', want: null },
  { what: 'less than a header', hex: '12340100000100000000', want: null },
  { what: 'a reply', hex: `123481800001000000000000${question}`, want: null },
  { what: 'all ones', hex: 'ff'.repeat(20), want: null },
  { what: 'no question', hex: '123401000000000000000000', want: '123481010000000000000000' },
  {
    what: 'a question announced but missing',
    hex: '123401000001000000000000',
    want: '123481050000000000000000',
  },
  {
    what: 'two questions',
    hex: `123401000002000000000000${question}${question}`,
    want: '123481010000000000000000',
  },
  { what: 'a name cut short', hex: '12340100000100000000000006636f6e73', want: '123481010000000000000000' },
  {
    what: 'a type cut short',
    hex: '12340100000100000000000006636f6e73756c000001',
    want: '123481010000000000000000',
  },
  {
    what: 'a pointer to itself',
    hex: '123401000001000000000000c00c00010001',
    want: '123481010000000000000000',
  },
  {
    what: 'a pointer into the header',
    hex: '123401000001000000000000c00400010001',
    want: '123481010000000000000000',
  },
  {
    what: 'an unknown kind of label',
    hex: '12340100000100000000000040610000010001',
    want: '123481010000000000000000',
  },
  {
    what: 'three additional records',
    hex: `123401000001000000000003${question}${'0000291000000000000000'.repeat(3)}`,
    want: '123481010000000000000000',
  },
  {
    what: 'an OPT record cut short',
    hex: `123401000001000000000001${question}00002910000000000000`,
    want: '123481010000000000000000',
  },
  { what: 'IQUERY', hex: `123409000001000000000000${question}`, want: '123481040000000000000000' },
  { what: 'UPDATE', hex: `123429000001000000000000${question}`, want: '123481040000000000000000' },
  {
    what: 'an answer brought along',
    hex: `123401000001000100000000${question}${question}0000000000040a000001`,
    want: /^12348503000100000001/,
  },
  {
    what: 'bytes after the end',
    hex: `123401000001000000000000${question}ffff`,
    want: /^12348503000100000001/,
  },
];

test('packets that are no proper question are dropped or refused', async () => {
  const resolver = testResolver(new TestCatalog());
  for (const { what, hex, want } of cases) {
    const reply = await resolver.resolve(Buffer.from(hex, 'hex'), 'udp');
    if (want === null) assert.equal(reply, undefined, what);
    else if (typeof want === 'string') assert.equal(reply?.toString('hex'), want, what);
    else assert.match(reply!.toString('hex'), want, what);
  }
});

test('whatever comes, what goes out is a message to the same ID', async () => {
  const catalog = new TestCatalog().addNode('n', '10.0.0.1').addInstance('n', { name: 'web' });
  const resolver = testResolver(catalog);
  const check = async (packet: Buffer): Promise<void> => {
    const reply = await resolver.resolve(packet, 'udp');
    if (reply !== undefined) assert.equal(decodeMessage(reply).id, packet.readUInt16BE(0));
  };
  const random = fc.uint8Array({ maxLength: 100 }).map((bytes) => Buffer.from(bytes));
  const damage = fc.array(fc.tuple(fc.nat(60), fc.nat(255)), { minLength: 1, maxLength: 4 });
  const damaged = fc.tuple(damage, fc.nat(10)).map(([changes, cut]) => {
    const packet = encodeQuery({ name: 'web.service.consul', type: 'SRV', udpSize: 1232 });
    for (const [at, value] of changes) if (at < packet.length) packet[at] = value;
    return packet.subarray(0, packet.length - cut);
  });
  await fc.assert(fc.asyncProperty(fc.oneof(random, damaged), check), { numRuns: 3000 });
});

test('a fault of ours is SERVFAIL for one asker, not the end', async () => {
  const catalog = new TestCatalog().addNode('n', '10.0.0.1').addInstance('n', { name: 'web' });
  const health = catalog.health.bind(catalog);
  catalog.health = (name) => {
    if (name === 'bad') throw new Error('broken row');
    return health(name);
  };
  const resolver = testResolver(catalog);
  const reply = await resolver.resolve(encodeQuery({ name: 'bad.service.consul' }), 'udp');
  assert.equal(decodeMessage(reply!).rcode, 2);
  assert.equal(
    decodeMessage((await resolver.resolve(encodeQuery({ name: 'web.service.consul' }), 'udp'))!).rcode,
    0,
  );
});
