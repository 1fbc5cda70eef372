/**
 * Takes a failed batch off the end of LevelDB's log, so that "nothing was applied" stays true after a crash:
 * a batch that was written but could not be synced would otherwise come back when the log is replayed.
 * The format is LevelDB's doc/log_format.md: 32 KiB blocks of fragments {crc u32, length u16, type u8, data}.
 */
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';

const blockBytes = 32 * 1024;
const headBytes = 7;
const full = 1;
const last = 4;

/** Cuts the newest log before its last record if that one holds `mark` or is torn. Throws what the file system throws. */
export async function cutLogTail(directory: string, mark: Buffer): Promise<void> {
  const logs = (await readdir(directory)).filter((name) => /^\d+\.log$/.test(name)).sort();
  const newest = logs.at(-1);
  if (newest === undefined) return;
  const file = await open(join(directory, newest), 'r+');
  try {
    const log = await file.readFile();
    const end = keptLength(log, mark);
    if (end === log.length) return;
    await file.truncate(end);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** How much of the log to keep: all but a torn last record, or one that holds `mark`. */
export function keptLength(log: Buffer, mark: Buffer): number {
  let at = 0;
  let recordStart = 0;
  let inRecord = false;
  let parts: Buffer[] = [];
  while (at < log.length) {
    const left = blockBytes - (at % blockBytes);
    if (left < headBytes) {
      at += left;
      continue;
    }
    if (!inRecord) {
      recordStart = at;
      parts = [];
    }
    if (at + headBytes > log.length) return recordStart;
    const end = at + headBytes + log.readUInt16LE(at + 4);
    if (end > log.length) return recordStart;
    parts.push(log.subarray(at + headBytes, end));
    const type = log[at + 6];
    inRecord = type !== full && type !== last;
    at = end;
  }
  return inRecord || Buffer.concat(parts).includes(mark) ? recordStart : log.length;
}
