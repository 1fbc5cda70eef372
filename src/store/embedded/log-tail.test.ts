import assert from 'node:assert/strict';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';

import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { commit, put, state } from '../conformance/harness.testkit.ts';
import { Disk } from './disk.ts';
import { openEmbeddedStore } from './embedded-store.ts';
import { groupMark } from './group.ts';
import { cutLogTail, keptLength } from './log-tail.ts';

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

test('the last batch of a real log is taken back, and only when it is the one that is meant', async () => {
  const base = await mkdtemp(join(tmpdir(), 'portolan-log-'));
  const deps = { clock: systemClock, log: silentLogger };
  const store = await openEmbeddedStore({ path: join(base, 'data') }, deps);
  try {
    await commit(store, [put('a', 'first')]);
    await commit(store, [put('a', 'second'), { put: 'large', value: Buffer.alloc(100_000, 'x') }]);
    const copies = ['probe', 'earlier', 'last'].map((name) => join(base, name));
    for (const copy of copies) await cp(join(base, 'data'), copy, { recursive: true });
    const [probe = '', earlier = '', last = ''] = copies;
    const disk = await Disk.open(probe);
    const group = disk.meta('group');
    await disk.close();
    for (const { path, number, want } of [
      { path: earlier, number: group - 1, want: ['a=second'] },
      { path: last, number: group, want: ['a=first'] },
    ]) {
      await cutLogTail(path, groupMark(number));
      const opened = await openEmbeddedStore({ path }, deps);
      assert.deepEqual(await state(opened, 'a'), want);
      await opened.close();
    }
  } finally {
    await store.close();
    await rm(base, { recursive: true, force: true });
  }
});
