import { sleep } from '../../src/lib/abort.ts';
import type { Exchange, Exchanges } from './exchange.testkit.ts';
import type { Operation } from './linearizable.testkit.ts';
import type { Random } from './random.testkit.ts';
import type { RegisterInput, RegisterOutput } from './register.testkit.ts';

type RegisterOperation = Operation<RegisterInput, RegisterOutput>;

export interface KvClientsOptions {
  /** Of the agents; a client mostly stays with one. */
  readonly urls: readonly string[];
  readonly clients: number;
  /** Keys in use at a time; after 280 operations on one the next takes its place. */
  readonly keys: number;
  /** Between two operations of a client, on average. */
  readonly pauseMs: number;
}

interface Seen {
  readonly value: string;
  readonly modifyIndex: number;
}

const mostOperations = 280;
const prefix = 'chaos/register';

/** Clients that read, write, compare-and-set and delete the same few keys, and note what they asked and were told. */
export class KvClients {
  /** By key. */
  readonly histories = new Map<string, RegisterOperation[]>();
  /** Keys that were written once and acknowledged, with their values. */
  readonly inserted = new Map<string, string>();
  readonly #options: KvClientsOptions;
  readonly #exchanges: Exchanges;
  readonly #random: Random;
  readonly #generations: number[];
  #lastWrite = 0;

  constructor(options: KvClientsOptions, deps: { exchanges: Exchanges; random: Random }) {
    this.#options = options;
    this.#exchanges = deps.exchanges;
    this.#random = deps.random;
    this.#generations = Array.from({ length: options.keys }, () => 0);
  }

  async run(signal: AbortSignal): Promise<void> {
    const names = Array.from({ length: this.#options.clients }, (_, index) => `kv${index + 1}`);
    await Promise.all(names.map((name) => this.#runClient(name, this.#random.fork(), signal)));
  }

  /** One consistent read of every key through every agent, as part of the histories. */
  async readAll(): Promise<void> {
    for (const url of this.#options.urls)
      for (const key of this.histories.keys()) await this.#read('final', url, key);
  }

  async #runClient(name: string, random: Random, signal: AbortSignal): Promise<void> {
    const seen = new Map<string, Seen | undefined>();
    let url = random.pick(this.#options.urls);
    while (!signal.aborted) {
      if (random.chance(0.1)) url = random.pick(this.#options.urls);
      const isFine = random.chance(0.15)
        ? await this.#insert(name, url)
        : await this.#operate(name, url, random, seen);
      if (!isFine) url = random.pick(this.#options.urls);
      await sleep(random.between(0, 2 * this.#options.pauseMs) + (isFine ? 0 : 150), signal);
    }
  }

  async #insert(name: string, url: string): Promise<boolean> {
    const value = `${name}.${++this.#lastWrite}`;
    const key = `chaos/insert/${value}`;
    const reply = await this.#exchanges.ask(url, { method: 'PUT', path: `/v1/kv/${key}`, body: value });
    if (wrote(reply) !== true) return false;
    this.inserted.set(key, value);
    return true;
  }

  async #operate(
    name: string,
    url: string,
    random: Random,
    seen: Map<string, Seen | undefined>,
  ): Promise<boolean> {
    const key = this.#pickKey(random);
    if (!seen.has(key) || random.chance(0.4)) {
      const row = await this.#read(name, url, key);
      if (row === 'failed') return false;
      seen.set(key, row);
      return true;
    }
    const row = seen.get(key);
    seen.delete(key);
    return this.#write(name, url, key, choose(random, row, `${name}.${++this.#lastWrite}`));
  }

  #pickKey(random: Random): string {
    const place = random.below(this.#options.keys);
    const key = `${prefix}/${place}/${this.#generations[place]}`;
    const history = this.histories.get(key);
    if (history === undefined) this.histories.set(key, []);
    else if (history.length >= mostOperations) {
      this.#generations[place]!++;
      return this.#pickKey(random);
    }
    return key;
  }

  async #read(client: string, url: string, key: string): Promise<Seen | undefined | 'failed'> {
    const calledAt = performance.now();
    const reply = await this.#exchanges.ask(url, { method: 'GET', path: `/v1/kv/${key}?consistent` });
    if (reply.kind !== 'answer' || (reply.status !== 200 && reply.status !== 404)) return 'failed';
    const row = reply.status === 200 ? parseRow(reply.body) : undefined;
    const output: RegisterOutput = row === undefined ? { kind: 'absent' } : { kind: 'row', ...row };
    const returnedAt = performance.now();
    this.#note(key, { client: this.#at(client, url), input: { kind: 'read' }, output, calledAt, returnedAt });
    return row;
  }

  async #write(client: string, url: string, key: string, chosen: Chosen): Promise<boolean> {
    const calledAt = performance.now();
    const { input, query } = chosen;
    const value = input.kind === 'put' || input.kind === 'cas' ? input.value : undefined;
    const reply = await this.#exchanges.ask(url, {
      method: value === undefined ? 'DELETE' : 'PUT',
      path: `/v1/kv/${key}${query}`,
      ...(value === undefined ? {} : { body: value }),
    });
    const done = wrote(reply);
    if (done === 'no effect') return false;
    const output: RegisterOutput | undefined = done === 'unknown' ? undefined : { kind: 'wrote', done };
    this.#note(key, {
      client: this.#at(client, url),
      input,
      output,
      calledAt,
      returnedAt: performance.now(),
    });
    return done !== 'unknown';
  }

  /** A client and the agent that it asked, by its number. */
  #at(client: string, url: string): string {
    return `${client}@n${this.#options.urls.indexOf(url) + 1}`;
  }

  #note(key: string, operation: RegisterOperation): void {
    const history = this.histories.get(key) ?? [];
    this.histories.set(key, history);
    history.push(operation);
  }
}

interface Chosen {
  readonly input: Exclude<RegisterInput, { kind: 'read' }>;
  readonly query: string;
}

/** Mostly a compare-and-set on the row that was read. */
function choose(random: Random, row: Seen | undefined, value: string): Chosen {
  const draw = random.next();
  if (draw < 0.15) return { input: { kind: 'put', value }, query: '' };
  if (draw < 0.2) return { input: { kind: 'delete' }, query: '' };
  if (row === undefined) return { input: { kind: 'cas', expected: undefined, value }, query: '?cas=0' };
  const query = `?cas=${row.modifyIndex}`;
  if (draw < 0.3) return { input: { kind: 'delete-cas', expected: row.value }, query };
  return { input: { kind: 'cas', expected: row.value, value }, query };
}

/** What became of a write. A refusal that says that nothing was written is believed. */
export function wrote(reply: Exchange): boolean | 'no effect' | 'unknown' {
  if (reply.kind === 'unsent') return 'no effect';
  if (reply.kind === 'lost') return 'unknown';
  if (reply.status === 200) return reply.body.trim() === 'true';
  return 'unknown';
}

function parseRow(body: string): Seen {
  const [row] = JSON.parse(body) as { Value: string; ModifyIndex: number }[];
  return { value: Buffer.from(row!.Value, 'base64').toString(), modifyIndex: row!.ModifyIndex };
}
