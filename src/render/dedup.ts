/**
 * Instances with the same template share one's work: they elect a leader by a lock in the source's KV, it alone asks the
 * source and publishes the answers, and the others follow one key.
 *
 * In: a Client for sessions and KV, the source itself. Out: a Source for each template.
 * - One session for all templates (behaviour delete): what a dead leader published goes with it, and the next follower
 *   that notices takes its place. What was known stands meanwhile.
 * - What differs from host to host is not shared: files, `node`, what only a mesh tells, `~_agent`.
 * - What a follower has no answer for after 10 s, whatever the reason, it asks for itself.
 * Source: template.md 3.7.
 */
import { createHash } from 'node:crypto';
import type { Client } from '@portolan/sdk';
import { sleep } from '../lib/abort.ts';
import { Backoff } from '../lib/backoff.ts';
import { formatDurationNs } from '../lib/duration.ts';
import type { Logger } from '../lib/log.ts';
import { SharedSource } from './dedup-source.ts';
import type { TemplateSpec } from './options.ts';
import type { Source } from './source.ts';

export interface DedupOptions {
  /** Ends with `/`. */
  readonly prefix: string;
  readonly ttlMs: number;
  /** 0: every answer comes from the leader of the Consul servers. */
  readonly maxStaleMs: number;
  /** How long the server may hold a query. */
  readonly waitMs: number;
  /** Default 10 s. */
  readonly ownAfterMs?: number;
}

export interface DedupDeps {
  readonly client: Client;
  readonly source: Source;
  readonly log: Logger;
}

const retry = { minMs: 250, maxMs: 30_000 };

export class Dedup {
  readonly #options: DedupOptions;
  readonly #deps: DedupDeps;
  readonly #stop = new AbortController();
  readonly #shared: SharedSource[] = [];
  #session = '';
  #renewal: Promise<void> | undefined;

  constructor(options: DedupOptions, deps: DedupDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Equal templates on all hosts meet under one key. */
  sourceFor(spec: Pick<TemplateSpec, 'source' | 'text' | 'destination'>): Source {
    this.#renewal ??= this.#keepSession();
    const { client, source, log } = this.#deps;
    const shared = new SharedSource(
      { ...this.#options, key: `${this.#options.prefix}${templateId(spec)}/data` },
      { client, source, log, session: () => this.#session },
    );
    this.#shared.push(shared);
    void shared.run();
    return shared;
  }

  /** Gives up what it leads, so that another takes over at once. */
  async close(): Promise<void> {
    this.#stop.abort();
    await this.#renewal;
    const session = this.#session;
    // Its end takes everything along.
    this.#session = '';
    await Promise.all(this.#shared.map((shared) => shared.close()));
    if (session === '') return;
    const signal = AbortSignal.timeout(2000);
    await this.#deps.client.session.destroy(session, { signal }).catch(() => {});
  }

  async #keepSession(): Promise<void> {
    const { signal } = this.#stop;
    const backoff = new Backoff(retry);
    let isFailing = false;
    while (!signal.aborted) {
      try {
        await this.#renewOrCreate(signal);
        backoff.reset();
        isFailing = false;
        await sleep(this.#options.ttlMs / 2, signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!isFailing) this.#deps.log.warn({ err: error }, 'no session: nothing is shared for now');
        isFailing = true;
        await sleep(backoff.nextMs(), signal);
      }
    }
  }

  async #renewOrCreate(signal: AbortSignal): Promise<void> {
    const { session } = this.#deps.client;
    // A source that hangs must not hold up the next try for ever.
    const bounded = AbortSignal.any([
      signal,
      AbortSignal.timeout(Math.ceil(Math.max(2000, this.#options.ttlMs))),
    ]);
    if (this.#session !== '' && (await session.renew(this.#session, { signal: bounded })) !== undefined)
      return;
    this.#session = '';
    // Every write names its session, so that no delay is needed between two holders of a lock.
    const definition = { Name: 'portolan template', Behavior: 'delete', LockDelay: '0s' } as const;
    const TTL = formatDurationNs(this.#options.ttlMs * 1e6);
    this.#session = await session.create({ ...definition, TTL }, { signal: bounded });
  }
}

function templateId({
  source,
  text,
  destination,
}: Pick<TemplateSpec, 'source' | 'text' | 'destination'>): string {
  const parts = JSON.stringify(['portolan/1', source, text, destination]);
  return createHash('sha256').update(parts).digest('hex');
}
