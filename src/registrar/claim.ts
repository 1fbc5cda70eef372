import { createHash, randomUUID } from 'node:crypto';
import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { pause } from '../lib/pause.ts';
import { isGone, ownProcess, type ProcessName } from './process-name.ts';
import { RegistrarError, type Claim, type ClaimEvents } from './target.ts';

/**
 * One live registrar an id, kept by one key in a key-value store.
 *
 * The holder writes its name there once and then only waits for changes of the key; nothing beats. Who finds another
 * name writes a challenge beside it: a living holder sees it at once and answers, a killed one never does and is
 * replaced. So there is no time-out that a slow holder could miss by standing still for a moment of no interest to
 * anybody, no false alarm after a kill -9, and no write while nothing happens. A holder whose process is provably gone
 * (same boot, same pid namespace) is replaced without waiting. Every write compares the row's index.
 */
export interface ClaimKv {
  get(
    key: string,
    options: { readonly index?: number; readonly waitMs?: number; readonly signal?: AbortSignal },
  ): Promise<{
    readonly data: { readonly value: Uint8Array; readonly modifyIndex: number } | undefined;
    readonly index: number;
  }>;
  put(
    key: string,
    value: string,
    options: { readonly cas: number; readonly signal?: AbortSignal },
  ): Promise<boolean>;
  delete(key: string, options: { readonly cas: number }): Promise<boolean>;
}

export interface ClaimDeps {
  readonly kv: ClaimKv;
  readonly clock: Clock;
  /** Default: of this process. */
  readonly process?: ProcessName;
}

interface Holder {
  readonly instance: string;
  readonly process: ProcessName;
  /** Of a registrar that wants to know whether the holder lives; '' if none asks. */
  readonly challenge: string;
  /** The last challenge that the holder answered. */
  readonly answer: string;
}

interface Row {
  readonly holder: Holder | undefined;
  readonly modifyIndex: number;
  readonly index: number;
}

const answerMs = 5000;
const guardWaitMs = 60_000;
/** The guard is who notices that the store is back: services wait for it. */
const retry = { minMs: 100, maxMs: 250 };

export function claimKey(registrarId: string): string {
  const readable = registrarId.replace(/[^A-Za-z0-9._@-]+/g, '_');
  return `portolan/registrar/${readable}-${createHash('sha256').update(registrarId).digest('hex').slice(0, 8)}`;
}

/** Throws RegistrarError 'claimed', and whatever the store throws. */
export async function claimByKey(
  registrarId: string,
  deps: ClaimDeps,
  events: ClaimEvents,
  signal: AbortSignal,
): Promise<Claim> {
  const own: Holder = {
    instance: randomUUID(),
    process: deps.process ?? ownProcess(),
    challenge: '',
    answer: '',
  };
  const keeper = new Keeper(claimKey(registrarId), own, deps);
  await keeper.take(registrarId, signal);
  const stop = new AbortController();
  const guarded = keeper.guard(registrarId, events, AbortSignal.any([signal, stop.signal]));
  return {
    release: async () => {
      stop.abort();
      await guarded;
      await keeper.drop();
    },
  };
}

class Keeper {
  readonly #key: string;
  readonly #own: Holder;
  readonly #deps: ClaimDeps;

  constructor(key: string, own: Holder, deps: ClaimDeps) {
    this.#key = key;
    this.#own = own;
    this.#deps = deps;
  }

  async take(registrarId: string, signal: AbortSignal): Promise<void> {
    for (;;) {
      const found = await this.#read({ signal });
      if (found.holder?.instance === this.#own.instance) return;
      let expected = found.holder;
      if (expected !== undefined && !isGone(expected.process)) {
        expected = await this.#challenge(found, signal);
        if (expected === undefined) continue;
        if (await this.#isAnswered(expected, signal)) throw claimed(registrarId, expected.process);
      }
      // Whoever took it, or answered at the last moment, is looked at again.
      const { holder, modifyIndex } = await this.#read({ signal });
      const isSame = holder?.instance === expected?.instance && holder?.answer === expected?.answer;
      if (isSame && (await this.#write(this.#own, modifyIndex, signal))) return;
    }
  }

  /** Answers challenges until `signal` aborts or somebody else has the key. */
  async guard(registrarId: string, events: ClaimEvents, signal: AbortSignal): Promise<void> {
    const backoff = new Backoff(retry);
    let index = 0;
    let isDoubtful = false;
    while (!signal.aborted) {
      try {
        const row = await this.#read({ index, waitMs: guardWaitMs, signal });
        backoff.reset();
        // A store that was restored or restarted counts from below: start over.
        index = row.index < index ? 0 : row.index;
        if (isDoubtful || row.holder === undefined) events.onDoubt();
        isDoubtful = false;
        if (row.holder !== undefined && row.holder.instance !== this.#own.instance) {
          return events.onLost(claimed(registrarId, row.holder.process));
        }
        await this.#keep(row, signal);
      } catch {
        if (signal.aborted) return;
        isDoubtful = true;
        index = 0;
        await pause(this.#deps.clock, backoff.nextMs(), signal);
      }
    }
  }

  /** Gives the key back, if it is still ours. Best effort: the next one finds out by itself. */
  async drop(): Promise<void> {
    try {
      const row = await this.#read({ signal: AbortSignal.timeout(1000) });
      if (row.holder?.instance === this.#own.instance) {
        await this.#deps.kv.delete(this.#key, { cas: row.modifyIndex });
      }
    } catch {
      // The store is away.
    }
  }

  async #keep({ holder, modifyIndex }: Row, signal: AbortSignal): Promise<void> {
    if (holder === undefined) await this.#write(this.#own, 0, signal);
    else if (holder.challenge !== holder.answer) {
      await this.#write({ ...holder, answer: holder.challenge }, modifyIndex, signal);
    }
  }

  /** The row with our challenge in it; undefined when somebody else was quicker. */
  async #challenge({ holder, modifyIndex }: Row, signal: AbortSignal): Promise<Holder | undefined> {
    const asked: Holder = { ...holder!, challenge: randomUUID() };
    return (await this.#write(asked, modifyIndex, signal)) ? asked : undefined;
  }

  /** Whether the holder, or whoever replaced it, moves the row before answerMs are over. */
  async #isAnswered({ instance, challenge }: Holder, signal: AbortSignal): Promise<boolean> {
    const { clock } = this.#deps;
    const endMs = clock.monotonicMs() + answerMs;
    let index = 0;
    for (let left = answerMs; left > 0; left = endMs - clock.monotonicMs()) {
      const row = await this.#read({ index, waitMs: left, signal });
      index = row.index;
      if (row.holder?.instance !== instance) return false;
      if (row.holder.answer === challenge) return true;
    }
    return false;
  }

  async #read(options: { index?: number; waitMs?: number; signal: AbortSignal }): Promise<Row> {
    const { data, index } = await this.#deps.kv.get(this.#key, options);
    if (data === undefined) return { holder: undefined, modifyIndex: 0, index };
    return { holder: decodeHolder(data.value), modifyIndex: data.modifyIndex, index };
  }

  #write(holder: Holder, modifyIndex: number, signal: AbortSignal): Promise<boolean> {
    return this.#deps.kv.put(this.#key, JSON.stringify(holder), { cas: modifyIndex, signal });
  }
}

/** What can't be read is nobody's. */
function decodeHolder(value: Uint8Array): Holder | undefined {
  try {
    const json = JSON.parse(new TextDecoder().decode(value)) as Partial<Holder> | null;
    if (typeof json?.instance !== 'string' || typeof json.process?.pid !== 'number') return undefined;
    const { instance, process, challenge = '', answer = '' } = json;
    return { instance, process, challenge, answer };
  } catch {
    return undefined;
  }
}

function claimed(registrarId: string, { host, pid }: ProcessName): RegistrarError {
  const text = `another registrar with the id "${registrarId}" is running (pid ${pid} on ${host})`;
  return new RegistrarError('claimed', `${text}: stop it, or give this one another id`);
}
