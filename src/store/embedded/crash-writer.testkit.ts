/**
 * A process that writes until it is killed: `node crash-writer.testkit.js DIR ROUND`. Durable writers own the keys
 * `d/<writer>`, rederivable ones `r/<writer>`. It tells what it knows in lines on stdout, each written at once:
 *
 *     ack <key> <value's number> <revision>     a commit was acknowledged
 *     saw <key> <value's number> <revision>     a follower was shown a change
 */
import { writeSync } from 'node:fs';

import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import type { Store } from '../store.ts';
import { openEmbeddedStore } from './embedded-store.ts';

export const durableWriters = 8;
export const rederivableWriters = 3;

/** A value that shows its number and whether it is whole. */
export function valueOf(key: string, number: number): Uint8Array {
  const filling = `${key}#${number};`.repeat(1 + ((number * 37) % 60));
  return Buffer.from(`${number}|${filling}|${filling.length}`);
}

/** The number of a whole value of this key; undefined when it is torn. */
export function numberOf(key: string, value: Uint8Array): number | undefined {
  const number = Number.parseInt(Buffer.from(value).toString(), 10);
  return Buffer.compare(value, valueOf(key, number)) === 0 ? number : undefined;
}

function tell(word: 'ack' | 'saw', key: string, number: number, revision: number): void {
  writeSync(1, `${word} ${key} ${number} ${revision}\n`);
}

async function write(store: Store, key: string, rederivable: boolean, round: number): Promise<never> {
  for (let i = 1; ; i++) {
    // Numbers grow from round to round, so that the newest of all is known.
    const number = round * 1_000_000 + i;
    const result = await store.commit({ then: [{ put: key, value: valueOf(key, number) }], rederivable });
    if (result.outcome !== 'committed') throw new Error(`the commit was ${result.outcome}`);
    tell('ack', key, number, result.revision);
    // Writers must not keep step with each other.
    if (i % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

async function follow(store: Store): Promise<void> {
  for await (const { revision, events } of store.follow(
    await store.barrier(),
    new AbortController().signal,
  )) {
    for (const event of events) {
      if (event.type !== 'put') throw new Error('nobody deletes');
      const { key, value } = event.entry;
      tell('saw', key, numberOf(key, value) ?? -1, revision);
    }
  }
}

const [, program = '', path, round] = process.argv;
if (program.endsWith('crash-writer.testkit.js') && path !== undefined) {
  const store = await openEmbeddedStore({ path }, { clock: systemClock, log: silentLogger });
  const names = (kind: string, many: number): string[] =>
    Array.from({ length: many }, (_, i) => `${kind}/${i}`);
  await Promise.all([
    follow(store),
    ...names('d', durableWriters).map((key) => write(store, key, false, Number(round))),
    ...names('r', rederivableWriters).map((key) => write(store, key, true, Number(round))),
  ]);
}
