import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, rm, stat, truncate } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { commit, entries, put, state } from '../conformance/harness.testkit.ts';
import type { Store } from '../store.ts';
import { numberOf } from './crash-writer.testkit.ts';
import { openEmbeddedStore } from './embedded-store.ts';

const base = await mkdtemp(join(tmpdir(), 'portolan-crash-'));
after(() => rm(base, { recursive: true, force: true }));
const open = (path: string): Promise<Store> =>
  openEmbeddedStore({ path }, { clock: systemClock, log: silentLogger });

const rounds = 14;

/** What clients of all rounds know. */
interface Known {
  /** Revision -> `<key> <number>`, as acknowledged or shown. */
  readonly changes: Map<number, string>;
  /** Durable key -> the newest number that was acknowledged. */
  readonly acknowledged: Map<string, number>;
}

test(`kill -9 of a process with 11 writers, ${rounds} times: every acknowledged write is there, none is torn, no revision is given twice`, async () => {
  const path = join(base, 'killed');
  const known: Known = { changes: new Map(), acknowledged: new Map() };
  let highest = 0;
  for (let round = 1; round <= rounds; round++) {
    const lines = await writeAndDie(path, round);
    const shown = learn(known, lines);
    assert.ok(shown.lowest > highest, `round ${round} began at ${shown.lowest}, after ${highest} was shown`);
    highest = shown.highest;
    // Every other time the next process finds what kill -9 left, not what this one closed.
    if (round % 2 === 0) highest = Math.max(highest, await verify(path, known));
  }
  assert.ok(known.changes.size > rounds * 50, `only ${known.changes.size} changes were seen`);
});

/** Runs the writers for 100 to 400 ms and kills them; returns what they told. */
async function writeAndDie(path: string, round: number): Promise<string[]> {
  const program = fileURLToPath(new URL('./crash-writer.testkit.js', import.meta.url));
  const child = spawn(process.execPath, [program, path, String(round)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let told = '';
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
    if (told === '') setTimeout(() => child.kill('SIGKILL'), 100 + Math.random() * 300);
    told += chunk;
  });
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  assert.equal(signal, 'SIGKILL', 'the writers ended by themselves');
  // The last line may be cut short.
  return told.split('\n').slice(0, -1);
}

function learn(known: Known, lines: readonly string[]): { lowest: number; highest: number } {
  let lowest = Infinity;
  let highest = 0;
  for (const line of lines) {
    const [word, key = '', number = '', revisionText] = line.split(' ');
    const revision = Number(revisionText);
    const change = `${key} ${number}`;
    assert.equal(known.changes.get(revision) ?? change, change, `revision ${revision} was given twice`);
    known.changes.set(revision, change);
    if (word === 'ack' && key.startsWith('d/')) known.acknowledged.set(key, Number(number));
    lowest = Math.min(lowest, revision);
    highest = Math.max(highest, revision);
  }
  return { lowest, highest };
}

/** Returns the store's revision. */
async function verify(path: string, known: Known): Promise<number> {
  const store = await open(path);
  const found = await entries(store);
  for (const { key, value, modRevision } of found) {
    const number = numberOf(key, value);
    assert.notEqual(number, undefined, `the value of ${key} is torn`);
    const change = `${key} ${number}`;
    assert.equal(known.changes.get(modRevision) ?? change, change, `revision ${modRevision} was given twice`);
    assert.ok(number! >= (known.acknowledged.get(key) ?? 0), `${key} fell back to ${number}`);
  }
  const keys = new Set(found.map(({ key }) => key));
  for (const key of known.acknowledged.keys()) assert.ok(keys.has(key), `${key} is gone`);
  const revision = await store.barrier();
  await store.close();
  return revision;
}

test('unsynced log bytes that a power loss cuts off, at any place: durable writes stay, none is torn, no revision is given twice', async () => {
  const path = join(base, 'power');
  const store = await open(path);
  for (let i = 0; i < 20; i++) await commit(store, [put(`d/${i}`, `durable ${i}`)]);
  const durable = await state(store);
  const synced = await logBytes(path);
  let seen = 0;
  for (let i = 0; i < 20; i++) {
    const then = [put(`r/${i}`, `derived ${i}`.repeat(9)), put('r/all', String(i))];
    seen = await commit(store, { then, rederivable: true });
  }
  const written = await logGrowth(path, synced);
  for (let bytes = synced; bytes <= written; bytes += Math.ceil((written - synced) / 25)) {
    const left = join(base, `power-${bytes}`);
    await cp(path, left, { recursive: true });
    await truncate(join(left, await newestLog(left)), bytes);
    const again = await open(left);
    const found = await state(again);
    assert.deepEqual(
      found.filter((word) => word.startsWith('d/')),
      durable,
    );
    assert.ok((await commit(again, [put('d/new', '1')])) > seen, 'a revision was given twice');
    await assertWhole(again);
    await again.close();
  }
  await store.close();
});

/** A commit is there with all that it changed: `r/all` never names a key that is missing. */
async function assertWhole(store: Store): Promise<void> {
  const derived = new Set((await state(store, 'r/')).map((word) => word.split('=')[0]));
  const all = (await state(store, 'r/all'))[0]?.split('=')[1];
  for (let i = 0; i <= Number(all ?? -1); i++)
    assert.ok(derived.has(`r/${i}`), `r/${i} is missing below ${all}`);
  for (const word of await state(store, 'r/')) {
    if (word.startsWith('r/all')) continue;
    const [key = '', value] = word.split('=');
    assert.equal(value, `derived ${key.slice(2)}`.repeat(9));
  }
}

async function newestLog(path: string): Promise<string> {
  const logs = (await readdir(path)).filter((name) => /^\d+\.log$/.test(name)).sort();
  assert.ok(logs.length > 0);
  return logs.at(-1)!;
}

async function logBytes(path: string): Promise<number> {
  return (await stat(join(path, await newestLog(path)))).size;
}

/** Waits until LevelDB has written on, and then no more. */
async function logGrowth(path: string, from: number): Promise<number> {
  for (let last = from; ; ) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    const now = await logBytes(path);
    if (now > from && now === last) return now;
    last = now;
  }
}
