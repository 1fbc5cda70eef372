import { sleep } from '../../src/lib/abort.ts';
import type { Exchanges } from './exchange.testkit.ts';
import { wrote } from './kv-clients.testkit.ts';
import type { Operation } from './linearizable.testkit.ts';
import type { LockInput, LockOutput } from './lock.testkit.ts';
import type { Random } from './random.testkit.ts';

type LockOperation = Operation<LockInput, LockOutput>;

/** An acquisition that was acknowledged and seen, as its client believed in it. */
export interface Hold {
  readonly key: string;
  readonly client: string;
  readonly session: string;
  readonly lockIndex: number;
  /** Of the row as the acquisition left it. */
  readonly modifyIndex: number;
  /** performance.now() of the acquisition's call and of its answer. */
  readonly calledAt: number;
  readonly from: number;
  /** The client gave it up, or learned that it had lost it. */
  to: number;
}

export interface LockClientsOptions {
  readonly urls: readonly string[];
  readonly clients: number;
  readonly keys: number;
  readonly ttl: string;
  readonly lockDelay: string;
}

const mostOperations = 250;

/** Clients that take turns in holding locks, with sessions that they renew, abandon, or lose to the failure of their node. */
export class LockClients {
  readonly histories = new Map<string, LockOperation[]>();
  readonly holds: Hold[] = [];
  /** Session -> performance.now() of its creation's call. */
  readonly sessions = new Map<string, number>();
  readonly #options: LockClientsOptions;
  readonly #exchanges: Exchanges;
  readonly #random: Random;
  readonly #generations: number[];

  constructor(options: LockClientsOptions, deps: { exchanges: Exchanges; random: Random }) {
    this.#options = options;
    this.#exchanges = deps.exchanges;
    this.#random = deps.random;
    this.#generations = Array.from({ length: options.keys }, () => 0);
  }

  async run(signal: AbortSignal): Promise<void> {
    const names = Array.from({ length: this.#options.clients }, (_, index) => `lock${index + 1}`);
    await Promise.all(names.map((name) => this.#runClient(name, this.#random.fork(), signal)));
  }

  /** Histories with the end of every session as something that may come at any time after its creation. */
  complete(): ReadonlyMap<string, readonly LockOperation[]> {
    return new Map(
      [...this.histories].map(([key, history]) => {
        const used = new Set(
          history.flatMap(({ input, output }) =>
            input.kind === 'acquire' && (output?.kind !== 'did' || output.done) ? [input.session] : [],
          ),
        );
        const ends = [...used].map((session) => ({
          client: 'store',
          input: { kind: 'invalidate', session } as const,
          output: undefined,
          calledAt: this.sessions.get(session) ?? 0,
          returnedAt: Infinity,
        }));
        return [key, [...history, ...ends]];
      }),
    );
  }

  async #runClient(name: string, random: Random, signal: AbortSignal): Promise<void> {
    let session: string | undefined;
    let url = random.pick(this.#options.urls);
    while (!signal.aborted) {
      session ??= await this.#createSession(url);
      if (session === undefined) {
        url = random.pick(this.#options.urls);
        await sleep(300, signal);
        continue;
      }
      const key = this.#pickKey(random);
      const hold = await this.#acquire(name, url, key, session);
      if (hold !== undefined) session = await this.#hold(hold, url, random, signal);
      if (session !== undefined && !(await this.#renew(url, session))) {
        session = undefined;
        url = random.pick(this.#options.urls);
      }
      await sleep(random.between(20, 200), signal);
    }
  }

  /** The session afterwards; undefined when it was abandoned. */
  async #hold(hold: Hold, url: string, random: Random, signal: AbortSignal): Promise<string | undefined> {
    this.holds.push(hold);
    const until = performance.now() + random.between(50, 800);
    while (performance.now() < until && !signal.aborted) {
      await sleep(100, signal);
      const row = await this.#read(hold.client, url, hold.key);
      if (row === undefined || row.session === hold.session) continue;
      hold.to = performance.now();
      return hold.session;
    }
    // A client that dies: it neither renews nor releases, so that the session's end is what frees the lock.
    const isDead = random.chance(0.05);
    hold.to = performance.now();
    if (isDead) return undefined;
    await this.#did(hold.client, url, hold.key, { kind: 'release', session: hold.session });
    return hold.session;
  }

  async #createSession(url: string): Promise<string | undefined> {
    const calledAt = performance.now();
    const { ttl: TTL, lockDelay: LockDelay } = this.#options;
    const body = JSON.stringify({ TTL, LockDelay });
    const reply = await this.#exchanges.ask(url, { method: 'PUT', path: '/v1/session/create', body });
    if (reply.kind !== 'answer' || reply.status !== 200) return undefined;
    const { ID } = JSON.parse(reply.body) as { ID: string };
    this.sessions.set(ID, calledAt);
    return ID;
  }

  async #renew(url: string, session: string): Promise<boolean> {
    const reply = await this.#exchanges.ask(url, { method: 'PUT', path: `/v1/session/renew/${session}` });
    return reply.kind === 'answer' && reply.status === 200;
  }

  async #acquire(client: string, url: string, key: string, session: string): Promise<Hold | undefined> {
    const calledAt = performance.now();
    const isTaken = await this.#did(client, url, key, { kind: 'acquire', session });
    if (isTaken !== true) return undefined;
    const from = performance.now();
    const row = await this.#read(client, url, key);
    if (row?.session !== session) return undefined;
    const { lockIndex, modifyIndex } = row;
    return { key, client, session, lockIndex, modifyIndex, calledAt, from, to: Infinity };
  }

  async #did(
    client: string,
    url: string,
    key: string,
    input: { readonly kind: 'acquire' | 'release'; readonly session: string },
  ): Promise<boolean | undefined> {
    const calledAt = performance.now();
    const path = `/v1/kv/${key}?${input.kind}=${input.session}`;
    const done = wrote(await this.#exchanges.ask(url, { method: 'PUT', path, body: client }));
    if (done === 'no effect') return undefined;
    const output: LockOutput | undefined = done === 'unknown' ? undefined : { kind: 'did', done };
    this.#note(key, { client, input, output, calledAt, returnedAt: performance.now() });
    return done === 'unknown' ? undefined : done;
  }

  async #read(
    client: string,
    url: string,
    key: string,
  ): Promise<{ session: string; lockIndex: number; modifyIndex: number } | undefined> {
    const calledAt = performance.now();
    const reply = await this.#exchanges.ask(url, { method: 'GET', path: `/v1/kv/${key}?consistent` });
    if (reply.kind !== 'answer' || (reply.status !== 200 && reply.status !== 404)) return undefined;
    const [row] =
      reply.status === 404
        ? []
        : (JSON.parse(reply.body) as { Session?: string; LockIndex: number; ModifyIndex: number }[]);
    const session = row?.Session ?? '';
    const lockIndex = row?.LockIndex ?? 0;
    const output: LockOutput = { kind: 'holder', session, lockIndex };
    const returnedAt = performance.now();
    this.#note(key, { client, input: { kind: 'read' }, output, calledAt, returnedAt });
    return { session, lockIndex, modifyIndex: row?.ModifyIndex ?? 0 };
  }

  #pickKey(random: Random): string {
    const place = random.below(this.#options.keys);
    const key = `chaos/lock/${place}/${this.#generations[place]}`;
    if ((this.histories.get(key)?.length ?? 0) < mostOperations) return key;
    this.#generations[place]!++;
    return this.#pickKey(random);
  }

  #note(key: string, operation: LockOperation): void {
    const history = this.histories.get(key) ?? [];
    this.histories.set(key, history);
    history.push(operation);
  }
}
