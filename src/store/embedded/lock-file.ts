/**
 * DIR/LOCK names who holds a data directory: `<pid> <start>`, start being the process's start time in clock ticks,
 * so that a pid that was given to another process counts as dead. It is for a clear refusal; where pids mean
 * nothing (two containers on one volume) LevelDB's own lock still refuses the second.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { StoreError } from '../store.ts';

export interface DirectoryLock {
  release(): Promise<void>;
}

/** Throws StoreError `data-dir` naming the holder's pid; takes over the lock of a dead process. */
export async function lockDirectory(directory: string): Promise<DirectoryLock> {
  const path = join(directory, 'LOCK');
  const own = `${process.pid} ${(await startTicks(process.pid)) ?? ''}\n`;
  const draft = `${path}.${randomUUID()}`;
  await writeFile(draft, own, { mode: 0o600 });
  try {
    // Each turn ends with the lock, a refusal, or one dead lock less.
    while (!(await linked(draft, path))) await removeDead(directory, path, draft);
  } finally {
    await rm(draft, { force: true });
  }
  return {
    release: async () => {
      if ((await readLock(path)) === own) await rm(path, { force: true });
    },
  };
}

/** False when the lock exists. */
async function linked(draft: string, path: string): Promise<boolean> {
  try {
    await link(draft, path);
    return true;
  } catch (error) {
    if (hasCode(error, 'EEXIST')) return false;
    throw error;
  }
}

/**
 * Only the holder of LOCK.guard removes a dead lock, and only after another look: else of two that saw it dead the
 * second could remove the lock that the first has taken meanwhile.
 */
async function removeDead(directory: string, path: string, draft: string): Promise<void> {
  const held = await readLock(path);
  if (held === undefined) return;
  await refuseLive(directory, held);
  const guard = `${path}.guard`;
  if (!(await linked(draft, guard))) {
    const guarding = await readLock(guard);
    if (guarding !== undefined && (await liveHolder(guarding)) === undefined)
      await rm(guard, { force: true });
    return;
  }
  try {
    if ((await readLock(path)) === held) await rm(path);
  } finally {
    await rm(guard, { force: true });
  }
}

async function refuseLive(directory: string, held: string): Promise<void> {
  const pid = await liveHolder(held);
  if (pid === undefined) return;
  throw new StoreError(
    'data-dir',
    `The data directory ${directory} is in use by the process with pid ${pid}. Stop it, or choose another directory.`,
  );
}

/** The pid in a lock, if its process is alive. */
async function liveHolder(held: string): Promise<number | undefined> {
  const [pidText = '', start = ''] = held.trim().split(' ');
  const pid = Number(pidText);
  if (!Number.isSafeInteger(pid) || pid <= 0 || !isAlive(pid)) return undefined;
  const now = await startTicks(pid);
  return start !== '' && now !== undefined && now !== start ? undefined : pid;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return !hasCode(error, 'ESRCH');
  }
}

/** Field 22 of /proc/PID/stat (proc(5)); undefined where there is none. */
async function startTicks(pid: number): Promise<string | undefined> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // The second field is the program's name in parentheses and may hold spaces.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    throw error;
  }
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}
