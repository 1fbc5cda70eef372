import assert from 'node:assert/strict';
import { test } from 'node:test';
import packet from 'dns-packet';
import fc from 'fast-check';
import { decodeMessage } from './wire-decode.ts';
import { encodeMessage } from './wire-encode.ts';
import { decodeName, encodeName, isEncodable } from './wire-name.ts';
import { classIn, DecodeError, EncodeError, headerFlags } from './wire.ts';
import type { Message, RecordData, ResourceRecord } from './wire.ts';

const label = fc.string({
  unit: fc.constantFrom('a', 'b', 'c', 'X', 'Y', '0', '9', '-', '_'),
  minLength: 1,
  maxLength: 12,
});
const name = fc
  .array(label, { maxLength: 5 })
  .map((labels) => (labels.length === 0 ? '.' : `${labels.join('.')}.`));
const uint16 = fc.integer({ min: 0, max: 0xffff });
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const bytes = (minLength: number, maxLength: number): fc.Arbitrary<Uint8Array> =>
  fc.uint8Array({ minLength, maxLength });

const data: fc.Arbitrary<RecordData> = fc.oneof(
  bytes(4, 4).map((address): RecordData => ({ type: 'A', address })),
  bytes(16, 16).map((address): RecordData => ({ type: 'AAAA', address })),
  fc
    .tuple(fc.constantFrom('CNAME' as const, 'NS' as const, 'PTR' as const), name)
    .map(([type, target]): RecordData => ({ type, target })),
  fc
    .tuple(uint16, uint16, uint16, name)
    .map(([priority, weight, port, target]): RecordData => ({ type: 'SRV', priority, weight, port, target })),
  fc.tuple(name, name, uint32, uint32, uint32, uint32, uint32).map(
    ([ns, mailbox, serial, refresh, retry, expire, minTtl]): RecordData => ({
      type: 'SOA',
      ns,
      mailbox,
      serial,
      refresh,
      retry,
      expire,
      minTtl,
    }),
  ),
  fc.array(bytes(0, 255), { maxLength: 3 }).map((strings): RecordData => ({ type: 'TXT', strings })),
  bytes(0, 40).map((rest): RecordData => ({ type: 'other', code: 65, bytes: rest })),
);
const record: fc.Arbitrary<ResourceRecord> = fc.record({
  name,
  class: fc.constant(classIn),
  ttl: uint32,
  data,
});
const message: fc.Arbitrary<Message> = fc.record({
  id: uint16,
  opcode: fc.integer({ min: 0, max: 15 }),
  rcode: fc.integer({ min: 0, max: 15 }),
  flags: fc.subarray(Object.values(headerFlags)).map((bits) => bits.reduce((sum, bit) => sum + bit, 0)),
  questions: fc.array(fc.record({ name, type: uint16, class: uint16 }), { maxLength: 2 }),
  answers: fc.array(record, { maxLength: 6 }),
  authorities: fc.array(record, { maxLength: 2 }),
  additionals: fc.array(record, { maxLength: 3 }),
  edns: fc.option(
    fc.record({
      udpSize: uint16,
      version: fc.integer({ min: 0, max: 255 }),
      dnssecOk: fc.boolean(),
      options: fc.array(fc.record({ code: uint16, bytes: bytes(0, 20) }), { maxLength: 2 }),
    }),
    { nil: undefined },
  ),
});

test('what is encoded decodes to the same message, compressed or not, and never grows by compression', () => {
  fc.assert(
    fc.property(message, (original) => {
      const small = encodeMessage(original);
      const plain = encodeMessage(original, { compress: false });
      assert.ok(small.length <= plain.length);
      assert.deepEqual(plainMessage(decodeMessage(small)), plainMessage(original));
      assert.deepEqual(plainMessage(decodeMessage(plain)), plainMessage(original));
    }),
    { numRuns: 500 },
  );
});

test('random bytes and damaged messages give a message or a DecodeError', () => {
  const decodes = (input: Uint8Array): void => {
    try {
      decodeMessage(input);
    } catch (error) {
      assert.ok(error instanceof DecodeError, String(error));
    }
  };
  fc.assert(fc.property(bytes(0, 300), decodes), { numRuns: 2000 });
  const damage = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  fc.assert(
    fc.property(message, damage, fc.nat(), (original, changes, cut) => {
      const encoded = encodeMessage(original);
      for (const [at, value] of changes) encoded[at % encoded.length] = value;
      decodes(encoded.subarray(0, encoded.length - (cut % 20)));
    }),
    { numRuns: 2000 },
  );
});

test('an independent decoder reads what we encode', () => {
  const soa = {
    ns: 'ns.consul.',
    mailbox: 'hostmaster.consul.',
    serial: 7,
    refresh: 1,
    retry: 2,
    expire: 3,
    minTtl: 4,
  };
  const own: readonly ResourceRecord[] = [
    {
      name: 'Web.service.consul.',
      class: 1,
      ttl: 5,
      data: { type: 'A', address: Uint8Array.of(10, 0, 0, 1) },
    },
    { name: 'web.service.consul.', class: 1, ttl: 5, data: { type: 'CNAME', target: 'a.service.consul.' } },
    {
      name: 'web.service.consul.',
      class: 1,
      ttl: 0,
      data: { type: 'SRV', priority: 1, weight: 2, port: 80, target: 'n1.node.dc1.consul.' },
    },
    { name: 'n1.node.dc1.consul.', class: 1, ttl: 0, data: { type: 'TXT', strings: [Buffer.from('a=b')] } },
    { name: 'consul.', class: 1, ttl: 0, data: { type: 'SOA', ...soa } },
  ];
  const read = packet.decode(
    encodeMessage({
      id: 1,
      opcode: 0,
      rcode: 0,
      flags: headerFlags.QR,
      edns: undefined,
      authorities: [],
      additionals: [],
      questions: [{ name: 'Web.service.consul.', type: 1, class: 1 }],
      answers: own,
    }),
  );
  assert.deepEqual(
    read.answers?.map((answer) => [answer.name, answer.type, 'data' in answer ? answer.data : undefined]),
    [
      ['Web.service.consul', 'A', '10.0.0.1'],
      ['web.service.consul', 'CNAME', 'a.service.consul'],
      ['web.service.consul', 'SRV', { priority: 1, weight: 2, port: 80, target: 'n1.node.dc1.consul' }],
      ['n1.node.dc1.consul', 'TXT', [Buffer.from('a=b')]],
      [
        'consul',
        'SOA',
        {
          mname: 'ns.consul',
          rname: 'hostmaster.consul',
          serial: 7,
          refresh: 1,
          retry: 2,
          expire: 3,
          minimum: 4,
        },
      ],
    ],
  );
});

test('we read what an independent encoder writes', () => {
  const encoded = packet.encode({
    type: 'query',
    id: 99,
    flags: packet.RECURSION_DESIRED,
    questions: [{ type: 'SRV', name: 'a.service.consul' }],
    additionals: [
      {
        type: 'OPT',
        name: '.',
        udpPayloadSize: 1232,
        flags: packet.DNSSEC_OK,
        extendedRcode: 0,
        ednsVersion: 0,
        flag_do: true,
        options: [],
      },
    ],
  });
  const read = decodeMessage(encoded);
  assert.deepEqual(read.questions, [{ name: 'a.service.consul.', type: 33, class: 1 }]);
  assert.deepEqual(read.edns, { udpSize: 1232, version: 0, dnssecOk: true, options: [] });
  assert.equal(read.flags, headerFlags.RD);
});

const badBytes: readonly { readonly what: string; readonly hex: string }[] = [
  { what: 'half a header', hex: '1234010000010000' },
  { what: 'a question announced but missing', hex: '123401000001000000000000' },
  { what: 'a pointer to itself', hex: '123401000001000000000000c00c00010001' },
  { what: 'a pointer forward', hex: '123401000001000000000000c00e00010001' },
  { what: 'two pointers at each other', hex: '123401000001000000000000c00ec00c00010001' },
  { what: 'an unknown kind of label', hex: '12340100000100000000000040610000010001' },
  { what: 'a name cut short', hex: '12340100000100000000000006636f6e73' },
  { what: 'an A record of three bytes', hex: '12340100000000010000000000000100010000000000030a0000' },
  {
    what: 'a TXT string longer than its record',
    hex: '123401000000000100000000000010000100000000000205' + '61',
  },
  {
    what: 'two OPT records',
    hex: '1234010000000000000000020000291000000000000000' + '0000291000000000000000',
  },
  { what: 'an EDNS option cut short', hex: '123401000000000000000001000029100000000000000500080007' + '00' },
];

test('broken messages are refused', () => {
  for (const { what, hex } of badBytes) {
    assert.throws(() => decodeMessage(Buffer.from(hex, 'hex')), DecodeError, what);
  }
});

test('a chain of pointers cannot make a name above 255 bytes', () => {
  const parts: number[] = [];
  for (let i = 0; i < 10; i++)
    parts.push(63, ...new Array<number>(63).fill(97), 0xc0 | (((i - 1) * 66) >> 8), ((i - 1) * 66) & 255);
  parts[64] = 0;
  assert.throws(() => decodeName(Uint8Array.from(parts), 9 * 66), DecodeError);
});

test('names keep odd bytes through escapes', () => {
  const odd = fc.array(bytes(1, 63), { minLength: 1, maxLength: 3 });
  fc.assert(
    fc.property(odd, (labels) => {
      const wire = Buffer.concat([
        ...labels.flatMap((part) => [Uint8Array.of(part.length), part]),
        Uint8Array.of(0),
      ]);
      const { name: text, end } = decodeName(wire, 0);
      assert.equal(end, wire.length);
      assert.deepEqual(Buffer.from(encodeName(text)), wire);
    }),
  );
  assert.equal(decodeName(Buffer.from('\x03a b\x03c.d\0', 'latin1'), 0).name, 'a\\032b.c\\.d.');
});

test('names that no message can carry are refused', () => {
  for (const text of [`${'a'.repeat(64)}.consul.`, 'a..b.', '.a.', `${'a.'.repeat(128)}`]) {
    assert.throws(() => encodeName(text), EncodeError, text);
    assert.equal(isEncodable(text), false);
  }
  assert.equal(isEncodable(`${'a'.repeat(63)}.b c.`), true);
});

test('a message above 64 KiB is refused', () => {
  const long: ResourceRecord = {
    name: 'a.',
    class: 1,
    ttl: 0,
    data: { type: 'other', code: 10, bytes: new Uint8Array(40_000) },
  };
  const big: Message = {
    id: 0,
    opcode: 0,
    rcode: 0,
    flags: 0,
    questions: [],
    authorities: [],
    additionals: [],
    edns: undefined,
    answers: [long, long],
  };
  assert.throws(() => encodeMessage(big), EncodeError);
});

/** Buffers and plain arrays of bytes compare equal. */
function plainMessage(value: Message): unknown {
  return JSON.parse(
    JSON.stringify(value, (_, item: unknown) => (item instanceof Uint8Array ? [...item] : item)),
  );
}
