import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerSnapshot } from '../docker/docker.ts';
import { container } from '../docker/scripted-engine.testkit.ts';
import { ManualClock } from '../lib/clock.testkit.ts';
import { Inspector } from './inspector.ts';

/** Reads that a test ends by hand, in the order that it likes. */
class Desk {
  readonly clock = new ManualClock();
  readonly begun: string[] = [];
  readonly told: string[] = [];
  readonly errors: string[] = [];
  readonly inspector: Inspector;
  readonly #ends: { id: string; resolve: (s: ContainerSnapshot) => void; reject: (e: Error) => void }[] = [];

  constructor(parallel: number) {
    this.inspector = new Inspector(
      { parallel },
      {
        clock: this.clock,
        inspect: (id) => {
          this.begun.push(id);
          return new Promise((resolve, reject) => this.#ends.push({ id, resolve, reject }));
        },
        onSnapshot: (id, snapshot) => void this.told.push(`${id} ${snapshot?.image}`),
        onError: (id, _, isFirst) => void this.errors.push(`${id} ${isFirst}`),
      },
    );
  }

  /** Ends the `nth` read that was begun with what it saw. */
  async end(nth: number, seen: string | Error): Promise<void> {
    const { id, resolve, reject } = this.#ends[nth]!;
    if (typeof seen === 'string') resolve(container(id, { image: seen }));
    else reject(seen);
    await this.clock.advance(0);
  }
}

test('reads begin at once, a few at a time, each id once while it waits', async () => {
  const desk = new Desk(2);
  for (const id of ['a', 'b', 'c', 'd', 'c', 'd']) desk.inspector.look(id);
  assert.deepEqual(desk.begun, ['a', 'b']);
  await desk.end(0, '1');
  await desk.end(1, '1');
  assert.deepEqual(desk.begun, ['a', 'b', 'c', 'd']);
});

test('what is asked for while it is being read is read once more', async () => {
  const desk = new Desk(2);
  desk.inspector.look('a');
  desk.inspector.look('a');
  desk.inspector.look('a');
  await desk.end(0, 'old');
  await desk.end(1, 'new');
  assert.deepEqual(desk.told, ['a old', 'a new']);
  assert.equal(desk.begun.length, 2);
  assert.equal(desk.inspector.isPending('a'), false);
});

test('an urgent read begins beside one that hangs, and an older answer never follows a newer one', async () => {
  const desk = new Desk(1);
  desk.inspector.look('a');
  desk.inspector.look('b');
  desk.inspector.look('a', true);
  assert.deepEqual(desk.begun, ['a', 'a']);
  await desk.end(1, 'new');
  await desk.end(0, 'old');
  assert.deepEqual(desk.told, ['a new']);
  assert.deepEqual(desk.begun, ['a', 'a', 'b']);
});

test('nothing is told of what was forgotten, unless it is asked for again', async () => {
  const desk = new Desk(2);
  desk.inspector.look('a');
  desk.inspector.forget('a');
  desk.inspector.look('a', true);
  await desk.end(0, 'old');
  await desk.end(1, 'new');
  assert.deepEqual(desk.told, ['a new']);
});

test('a read that fails is tried again until it works or is forgotten', async () => {
  const desk = new Desk(2);
  desk.inspector.look('a');
  await desk.end(0, new Error('sick'));
  await desk.inspector.idle();
  assert.equal(desk.inspector.isPending('a'), true);
  await desk.clock.advance(700);
  await desk.end(1, new Error('sick'));
  await desk.clock.advance(1500);
  await desk.end(2, 'well');
  assert.deepEqual([desk.errors, desk.told], [['a true', 'a false'], ['a well']]);
  desk.inspector.look('b');
  await desk.end(3, new Error('sick'));
  desk.inspector.forget('b');
  await desk.clock.advance(60_000);
  assert.equal(desk.begun.length, 4);
});

test('idle waits for what was begun, and a closed inspector tells nothing', async () => {
  const desk = new Desk(1);
  desk.inspector.look('a');
  let isIdle = false;
  void desk.inspector.idle().then(() => (isIdle = true));
  await desk.clock.advance(0);
  assert.equal(isIdle, false);
  desk.inspector.close();
  await desk.clock.advance(0);
  assert.equal(isIdle, true);
  await desk.end(0, 'late');
  assert.deepEqual(desk.told, []);
});
