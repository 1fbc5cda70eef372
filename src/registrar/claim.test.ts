import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { claimByKey, claimKey, type ClaimDeps, type ClaimKv } from './claim.ts';
import { ownProcess } from './process-name.ts';
import { RegistrarError, type Claim } from './target.ts';

type Row = { readonly value: Uint8Array; readonly modifyIndex: number };

/** One store with blocking reads, as Consul's. */
class MemoryKv implements ClaimKv {
  readonly rows = new Map<string, Row>();
  index = 1;
  writes = 0;
  failure: Error | undefined;
  readonly #clock: ManualClock;
  #waiters = new Set<() => void>();

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  async get(
    key: string,
    { index = 0, waitMs = 0, signal }: { index?: number; waitMs?: number; signal?: AbortSignal },
  ): Promise<{ data: Row | undefined; index: number }> {
    if (index >= this.index && waitMs > 0) {
      await new Promise<void>((resolve) => {
        const done = (): void => {
          signal?.removeEventListener('abort', done);
          resolve();
        };
        this.#waiters.add(done);
        this.#clock.after(waitMs, done);
        signal?.addEventListener('abort', done);
      });
    }
    signal?.throwIfAborted();
    if (this.failure !== undefined) throw this.failure;
    return { data: this.rows.get(key), index: this.index };
  }

  async put(key: string, value: string, { cas }: { cas: number }): Promise<boolean> {
    if (this.failure !== undefined) throw this.failure;
    if ((this.rows.get(key)?.modifyIndex ?? 0) !== cas) return false;
    this.writes++;
    this.#move(() => this.rows.set(key, { value: new TextEncoder().encode(value), modifyIndex: this.index }));
    return true;
  }

  async delete(key: string, { cas }: { cas: number }): Promise<boolean> {
    if (this.rows.get(key)?.modifyIndex !== cas) return false;
    this.#move(() => this.rows.delete(key));
    return true;
  }

  /** Everything is lost, as with an agent that restarts empty. */
  wipe(): void {
    this.rows.clear();
    this.index = 0;
    this.#move(() => {});
  }

  fail(error: Error | undefined): void {
    this.failure = error;
    this.#wake();
  }

  #move(change: () => void): void {
    this.index++;
    change();
    this.#wake();
  }

  #wake(): void {
    for (const wake of this.#waiters) wake();
    this.#waiters.clear();
  }
}

class World {
  readonly clock = new ManualClock();
  readonly kv = new MemoryKv(this.clock);
  readonly end = new AbortController();
  doubts = 0;
  readonly lost: Error[] = [];

  /** Turns the clock until the claim is settled. */
  async claim(process: ClaimDeps['process'] = elsewhere(1)): Promise<Claim> {
    const events = {
      onLost: (error: Error) => void this.lost.push(error),
      onDoubt: () => void this.doubts++,
    };
    const deps = { kv: this.kv, clock: this.clock, process };
    let isSettled = false;
    const claim = claimByKey('n@unix:///run/docker.sock', deps, events, this.end.signal).finally(
      () => (isSettled = true),
    );
    claim.catch(() => {});
    for (let ms = 0; ms <= 6000 && !isSettled; ms += 100) await this.clock.advance(ms === 0 ? 0 : 100);
    return claim;
  }
}

/** A process that can't be looked at from here. */
function elsewhere(pid: number): ReturnType<typeof ownProcess> {
  return { host: 'other', pid, bootId: 'another boot', pidNamespace: 'x', startedTicks: '1' };
}

const isClaimed = (error: unknown): boolean => error instanceof RegistrarError && error.code === 'claimed';

test('a key holds no characters that paths would lose', () => {
  assert.match(
    claimKey('n@unix:///run/docker.sock'),
    /^portolan\/registrar\/n@unix_run_docker\.sock-[0-9a-f]{8}$/,
  );
  assert.notEqual(claimKey('a/b'), claimKey('a:b'));
});

test('a second one refuses while the first lives, and writes nothing while nothing happens', async () => {
  const world = new World();
  await world.claim();
  assert.equal(world.kv.writes, 1);
  await world.clock.advance(600_000);
  assert.equal(world.kv.writes, 1);
  const startedMs = world.clock.monotonicMs();
  await assert.rejects(world.claim(elsewhere(2)), isClaimed);
  assert.ok(world.clock.monotonicMs() - startedMs < 200, 'refused at once');
  assert.equal(world.lost.length, 0);
  world.end.abort();
});

test('one that was given back is free at once', async () => {
  const world = new World();
  const first = await world.claim();
  await first.release();
  assert.equal(world.kv.rows.size, 0);
  const startedMs = world.clock.monotonicMs();
  await world.claim(elsewhere(2));
  assert.equal(world.clock.monotonicMs(), startedMs);
  world.end.abort();
});

test('one that was killed on another host is replaced when it does not answer', async () => {
  const dead = new World();
  await dead.claim();
  dead.end.abort();
  await dead.clock.advance(0);
  const world = new World();
  for (const [key, row] of dead.kv.rows) world.kv.rows.set(key, row);
  world.kv.index = 5;
  await world.claim(elsewhere(2));
  assert.ok(world.clock.monotonicMs() >= 5000);
  world.end.abort();
});

test('one that was killed on this host is replaced at once', async () => {
  const world = new World();
  const own = ownProcess();
  const key = claimKey('n@unix:///run/docker.sock');
  const holder = { instance: 'i', process: { ...own, startedTicks: '1' }, challenge: '', answer: '' };
  await world.kv.put(key, JSON.stringify(holder), { cas: 0 });
  await world.claim(own);
  assert.equal(world.clock.monotonicMs(), 0);
  world.end.abort();
});

test('one whose key somebody else took is told', async () => {
  const world = new World();
  await world.claim();
  const [key, row] = [...world.kv.rows][0]!;
  const holder = { instance: 'other', process: elsewhere(9), challenge: '', answer: '' };
  await world.kv.put(key, JSON.stringify(holder), { cas: row.modifyIndex });
  await world.clock.advance(0);
  assert.equal(world.lost.length, 1);
  assert.match(world.lost[0]!.message, /pid 9 on other/);
  world.end.abort();
});

test('a store that forgot everything, or was away, is cause for doubt, and the key is written again', async () => {
  const world = new World();
  await world.claim();
  world.kv.wipe();
  await world.clock.advance(0);
  assert.equal(world.doubts, 1);
  assert.equal(world.kv.rows.size, 1);
  world.kv.fail(new Error('away'));
  await world.clock.advance(60_000);
  assert.equal(world.doubts, 1);
  world.kv.fail(undefined);
  await world.clock.advance(300);
  assert.equal(world.doubts, 2, 'soon after its return, however long it was away');
  assert.equal(world.lost.length, 0);
  world.end.abort();
});

test('of two that begin together one wins', async () => {
  const world = new World();
  const outcomes = await Promise.allSettled([world.claim(elsewhere(1)), world.claim(elsewhere(2))]);
  assert.deepEqual(outcomes.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
  world.end.abort();
});
