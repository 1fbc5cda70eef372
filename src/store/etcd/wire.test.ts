import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import { WireError, WireReader, WireWriter } from './wire.ts';

const fields = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('number' as const), value: fc.maxSafeNat() }),
    fc.record({
      kind: fc.constant('id' as const),
      value: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    }),
    fc.record({ kind: fc.constant('bytes' as const), value: fc.uint8Array({ maxLength: 300 }) }),
  ),
);

type Field =
  | { kind: 'number'; value: number }
  | { kind: 'id'; value: bigint }
  | { kind: 'bytes'; value: Uint8Array };

function write(writer: WireWriter, list: readonly Field[]): WireWriter {
  for (const [i, field] of list.entries()) {
    if (field.kind === 'number') writer.number(i + 1, field.value);
    else if (field.kind === 'id') writer.id(i + 1, field.value);
    else writer.bytes(i + 1, field.value);
  }
  return writer;
}

function read(reader: WireReader, list: readonly Field[]): Map<number, unknown> {
  const found = new Map<number, unknown>();
  while (reader.next()) {
    const kind = list[reader.field - 1]!.kind;
    const value =
      kind === 'number' ? reader.number() : kind === 'id' ? reader.id() : new Uint8Array(reader.bytes());
    found.set(reader.field, value);
  }
  return found;
}

function expected(list: readonly Field[]): Map<number, unknown> {
  const present = list.flatMap(({ value }, i) => {
    const empty = typeof value === 'object' ? value.byteLength === 0 : value === 0 || value === 0n;
    return empty ? [] : [[i + 1, value] as const];
  });
  return new Map(present);
}

test('what is written is read again, also nested and in a buffer that must grow', () => {
  fc.assert(
    fc.property(fields, (list) => {
      const flat = write(new WireWriter(1), list).finish();
      assert.deepEqual(read(new WireReader(flat), list), expected(list));
      const nested = new WireWriter(1).message(7, (inner) => write(inner, list)).finish();
      const outer = new WireReader(nested);
      assert.ok(outer.next());
      assert.deepEqual(
        outer.message((inner) => read(inner, list)),
        expected(list),
      );
      assert.equal(outer.next(), false);
    }),
  );
});

test('the bytes are those of the specification', () => {
  const rows: readonly [WireWriter, string][] = [
    [new WireWriter().number(1, 150), '089601'],
    [new WireWriter().text(2, 'testing'), '120774657374696e67'],
    [new WireWriter().message(3, (w) => w.number(1, 150)), '1a03089601'],
    [new WireWriter().id(1, -1n), '08ffffffffffffffffff01'],
    [new WireWriter().bytes(64, Buffer.of(1)), '82040101'],
  ];
  for (const [writer, hex] of rows) assert.equal(writer.finish().toString('hex'), hex);
});

test('unknown fields of every wire type are passed over', () => {
  const bytes = Buffer.from('0a0161' + '1101020304050607080d01020304' + '1896012005', 'hex');
  const reader = new WireReader(bytes);
  let found = 0;
  while (reader.next()) if (reader.field === 4) found = reader.number();
  assert.equal(found, 5);
});

test('random bytes are read or refused with a WireError', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      try {
        const reader = new WireReader(Buffer.from(bytes));
        while (reader.next()) if (reader.field % 2 === 0) reader.bytes();
      } catch (error) {
        assert.ok(error instanceof WireError, String(error));
      }
    }),
  );
});
