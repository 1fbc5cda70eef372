import assert from 'node:assert/strict';
import { test } from 'node:test';
import * as der from './der.ts';

test('values have the shortest heads and lengths', () => {
  const rows: readonly (readonly [Buffer, string])[] = [
    [der.integer(0n), '020100'],
    [der.integer(128n), '02020080'],
    [der.oid('1.2.840.113549'), '06062a864886f70d'],
    [der.boolean(true), '0101ff'],
    [der.text('a b'), '1303612062'],
    [der.text('é'), '0c02c3a9'],
    [der.octetString(Buffer.alloc(200)), `0481c8${'00'.repeat(200)}`],
    [
      der.time(new Date(Date.UTC(2049, 11, 31, 1, 2, 3))),
      `170d${Buffer.from('491231010203Z').toString('hex')}`,
    ],
    [der.time(new Date(Date.UTC(2050, 0, 1))), `180f${Buffer.from('20500101000000Z').toString('hex')}`],
  ];
  for (const [bytes, want] of rows) assert.equal(bytes.toString('hex'), want);
});

test('what is written is walked, and what is cut off is refused', () => {
  const bytes = der.sequence(der.integer(5n), der.sequence(der.octetString(Buffer.alloc(300))));
  const [outer] = der.readAll(bytes);
  assert.deepEqual(
    der.readAll(outer!.content).map(({ tag, whole }) => [tag, whole.length]),
    [
      [0x02, 3],
      [0x30, 308],
    ],
  );
  for (let size = 1; size < bytes.length; size++) {
    assert.throws(() => der.readAll(bytes.subarray(0, size)), der.DerError);
  }
});
