/**
 * An HTTP source against a real agent: writes of every kind, queries that come and go, and after each quiet while every
 * query's data must be what a plain read says.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay } from 'node:timers/promises';
import { ConsulQueries } from '../../src/render/consul-queries.ts';
import { isEqualData } from '../../src/render/equal-data.ts';
import { HttpSource } from '../../src/render/source-http.ts';
import type { Query, Subscription } from '../../src/render/source.ts';
import { Random } from '../chaos/random.testkit.ts';
import { ConsulProxy } from './consul-proxy.testkit.ts';
import type { Habit } from './consul-proxy.testkit.ts';
import { writeSomething } from './source-model-writes.testkit.ts';

export interface ModelOptions {
  readonly seed: number;
  readonly rounds: number;
  readonly habit: Habit;
  readonly hasFaults: boolean;
  /** Queries at the same time, at most. */
  readonly most: number;
  readonly jitterMs?: number;
  /** After the last write, or the end of faults, all must be told in this time. */
  readonly withinMs: number;
  /** False: each query stays at its first answer, to see that the test fails. */
  readonly hears?: boolean;
}

export interface ModelReport {
  readonly slowestMs: number;
  readonly rounds: number;
  readonly mostSockets: number;
  readonly requests: number;
}

interface Follow {
  readonly query: Query;
  readonly subscription: Subscription;
}

export async function runModel(url: string, options: ModelOptions): Promise<ModelReport> {
  const model = await Model.open(url, options);
  try {
    return await model.run();
  } finally {
    await model.close();
  }
}

class Model {
  readonly #url: string;
  readonly #options: ModelOptions;
  readonly #random: Random;
  readonly #proxy: ConsulProxy;
  readonly #source: HttpSource;
  readonly #direct: ConsulQueries;
  readonly #follows = new Map<string, Follow>();
  readonly #log: string[] = [];
  #slowestMs = 0;

  private constructor(url: string, options: ModelOptions, proxy: ConsulProxy, random: Random) {
    this.#url = url;
    this.#options = options;
    this.#random = random;
    this.#proxy = proxy;
    const retry = { minMs: 20, maxMs: 200 };
    this.#source = new HttpSource({ address: proxy.address, retry, settleMs: 50, maxStaleMs: 400 });
    this.#direct = new ConsulQueries({ address: url });
  }

  static async open(url: string, options: ModelOptions): Promise<Model> {
    const random = new Random(options.seed);
    const proxy = await ConsulProxy.open(url, random.fork());
    proxy.habit = options.habit;
    proxy.jitterMs = options.jitterMs ?? 0;
    return new Model(url, options, proxy, random);
  }

  async close(): Promise<void> {
    await this.#source.close();
    await this.#direct.close();
    this.#proxy.close();
  }

  async run(): Promise<ModelReport> {
    const { rounds } = this.#options;
    this.#changeFollows();
    for (let round = 0; round < rounds; round++) {
      this.#log.length = 0;
      await this.#round();
    }
    await this.#idle();
    const { mostSockets, requests } = this.#proxy;
    assert.ok(mostSockets <= 16, `${mostSockets} sockets`);
    return { slowestMs: Math.round(this.#slowestMs), rounds, mostSockets, requests };
  }

  async #round(): Promise<void> {
    this.#proxy.hasFaults = this.#options.hasFaults;
    if (this.#random.chance(0.4)) this.#changeFollows();
    const writes = 1 + this.#random.below(8);
    for (let i = 0; i < writes; i++) {
      if (this.#random.chance(0.05)) this.#changeFollows();
      this.#log.push(await writeSomething(this.#url, this.#random, () => this.#proxy.wrote()));
      if (this.#random.chance(0.7)) await delay(this.#random.between(0, 60));
    }
    if (this.#options.hasFaults && this.#random.chance(0.5)) await delay(this.#random.between(0, 400));
    this.#proxy.heal();
    await this.#converge();
  }

  #changeFollows(): void {
    const { most, hears = true } = this.#options;
    const wanted = Math.ceil(this.#random.between(0.2, 1) * most);
    for (const [key, { subscription }] of this.#follows) {
      if (this.#follows.size <= wanted && !this.#random.chance(0.1)) continue;
      subscription.close();
      this.#follows.delete(key);
    }
    for (let tries = 0; this.#follows.size < wanted && tries < 500; tries++) {
      const query = drawQuery(this.#random);
      const key = JSON.stringify(query);
      if (this.#follows.has(key)) continue;
      const nothing = (): void => {};
      const subscription = this.#source.subscribe(query, nothing, nothing);
      this.#follows.set(key, { query, subscription: hears ? subscription : deafened(subscription) });
    }
  }

  /** Waits until all data are those of plain reads. */
  async #converge(): Promise<void> {
    const started = performance.now();
    const { withinMs } = this.#options;
    for (;;) {
      const wrong = await this.#firstWrong();
      const tookMs = performance.now() - started;
      if (wrong === undefined) {
        this.#slowestMs = Math.max(this.#slowestMs, tookMs);
        return;
      }
      // Reading everything directly takes its time, too.
      if (tookMs > withinMs + 150)
        assert.fail(`${this.#options.seed}: not in ${withinMs} ms: ${wrong}\n${this.#log.join('\n')}`);
      await delay(5);
    }
  }

  async #firstWrong(): Promise<string | undefined> {
    let found: string | undefined;
    for (const { query, subscription } of this.#follows.values()) {
      const { data } = await this.#direct.ask(query, { consistency: 'consistent' });
      const got = subscription.current()?.data;
      if (got === undefined || !isEqualData(got, data))
        found ??= `${JSON.stringify(query)} (${this.#source.mode}): ${show(got)} instead of ${show(data)}`;
    }
    return found;
  }

  /** Nothing but what is held and what has no index. */
  async #idle(): Promise<void> {
    await delay(700);
    const before = this.#proxy.requests;
    await delay(300);
    const asked = this.#proxy.seen.slice(before - this.#proxy.requests || Infinity);
    // Those that are held may be short: after one that was cut off they are.
    const reads = asked.filter((url) => !url.includes('index='));
    assert.ok(
      reads.length <= 3 && asked.length <= 20,
      `${this.#options.seed}: while nothing changed:\n${asked.join('\n')}`,
    );
  }
}

function deafened(subscription: Subscription): Subscription {
  let first: ReturnType<Subscription['current']>;
  return { current: () => (first ??= subscription.current()), close: () => subscription.close() };
}

function show(data: unknown): string {
  const text = JSON.stringify(data, (_, value: unknown) =>
    typeof value === 'bigint' ? String(value) : value,
  );
  return text === undefined ? 'nothing' : text.slice(0, 1500);
}

function drawQuery(random: Random): Query {
  const dc = random.chance(0.2) ? 'dc1' : '';
  const draw = random.next();
  if (draw < 0.65) return drawService(random, dc);
  if (draw < 0.7) return { type: 'services', dc };
  if (draw < 0.74) return { type: 'nodes', dc, near: random.pick(['', 'n1']) };
  if (draw < 0.79) return { type: 'node', name: random.pick(['', 'n0', 'n1', 'n2', 'n3']), dc };
  if (draw < 0.8) return { type: 'datacenters', dc: '', onlyReachable: random.chance(0.5) };
  if (draw < 0.92)
    return { type: 'key', key: `${random.pick(['a', 'a/b', 'c/d/e', 'f'])}/${random.below(4)}`, dc };
  return { type: 'prefix', prefix: random.pick(['a', 'a/', 'a/b/', 'c/d', 'f/', 'none/']), dc };
}

function drawService(random: Random, dc: string): Query {
  return {
    type: 'service',
    name: random.pick(['s0', 's1', 's2', 's3', 's4', 'S5', 's6', 's7', 'own0', 'own1', 'absent']),
    tag: random.pick(['', '', '', 'x', 'y']),
    dc,
    near: random.chance(0.1) ? 'n1' : '',
    filters: random.pick([['passing'], ['any'], ['critical', 'warning'], ['passing', 'maintenance']]),
    ...(random.chance(0.05) ? { connect: true } : {}),
  };
}
