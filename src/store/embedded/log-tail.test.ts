import assert from 'node:assert/strict';
import { test } from 'node:test';

import { keptLength } from './log-tail.ts';

const blockBytes = 32 * 1024;
const mark = Buffer.from('the mark');

/** A log of these records, as LevelDB fragments them, and where each begins. */
function logOf(records: readonly Buffer[]): { log: Buffer; starts: number[] } {
  const parts: Buffer[] = [];
  const starts: number[] = [];
  let at = 0;
  const push = (part: Buffer): void => {
    parts.push(part);
    at += part.length;
  };
  for (const record of records) {
    let left = record;
    for (let first = true; first || left.length > 0; first = false) {
      const room = blockBytes - (at % blockBytes);
      if (room < 7) push(Buffer.alloc(room));
      if (first) starts.push(at);
      const piece = left.subarray(0, blockBytes - (at % blockBytes) - 7);
      left = left.subarray(piece.length);
      const head = Buffer.alloc(7);
      head.writeUInt16LE(piece.length, 4);
      head[6] = left.length === 0 ? (first ? 1 : 4) : first ? 2 : 3;
      push(Buffer.concat([head, piece]));
    }
  }
  return { log: Buffer.concat(parts), starts };
}

const small = Buffer.alloc(100, 'a');
const large = Buffer.alloc(100_000, 'b');
const marked = (record: Buffer): Buffer => Buffer.concat([record, mark, record]);
const block = Buffer.alloc(blockBytes - 7, 'c');
const almostBlock = Buffer.alloc(blockBytes - 7 - 5, 'd');

const rows: readonly { name: string; records: readonly Buffer[]; cuts: boolean }[] = [
  { name: 'no record', records: [], cuts: false },
  { name: 'a last record without the mark', records: [marked(small), small], cuts: false },
  { name: 'a small last record with the mark', records: [small, marked(small)], cuts: true },
  { name: 'an only record with the mark', records: [marked(small)], cuts: true },
  { name: 'a last record over many blocks with the mark', records: [small, marked(large)], cuts: true },
  { name: 'a last record over many blocks without it', records: [marked(small), large], cuts: false },
  { name: 'a record that fills its block', records: [block, marked(small)], cuts: true },
  { name: 'a block whose end is too short for a head', records: [almostBlock, marked(small)], cuts: true },
  {
    name: 'a mark that lies across two blocks',
    records: [marked(Buffer.alloc(blockBytes - 11))],
    cuts: true,
  },
];

for (const { name, records, cuts } of rows) {
  test(`${name} is ${cuts ? 'cut off' : 'kept'}`, () => {
    const { log, starts } = logOf(records);
    assert.equal(keptLength(log, mark), cuts ? starts.at(-1) : log.length);
  });
}

test('a last record that is torn at any byte is cut off, and nothing before it', () => {
  for (const last of [small, marked(small), large]) {
    const { log, starts } = logOf([marked(large), small, last]);
    const start = starts.at(-1)!;
    for (let end = start + 1; end < log.length; end += last === large ? 997 : 1) {
      assert.equal(keptLength(log.subarray(0, end), mark), start, `torn at ${end}`);
    }
  }
});
