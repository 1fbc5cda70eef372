import assert from 'node:assert/strict';

import { systemClock } from '../../src/lib/clock.ts';
import type { Fields, Logger } from '../../src/lib/log.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { type EtcdStoreOptions, openEtcdStore } from '../../src/store/etcd/etcd-store.ts';
import type { Batch, Revision, Store } from '../../src/store/store.ts';
import type { Etcd } from './etcd.testkit.ts';

export function urlOf(etcd: Pick<Etcd, 'endpoints'>, namespace = 'test'): string {
  return `etcd://${etcd.endpoints.join(',')}/${namespace}`;
}

export function openStore(options: EtcdStoreOptions, log: Logger = silentLogger): Promise<Store> {
  return openEtcdStore(options, { clock: systemClock, log });
}

/** A logger that keeps the warnings. */
export function warnings(): { readonly log: Logger; readonly messages: string[] } {
  const messages: string[] = [];
  const warn = (_: Fields, message: string): void => void messages.push(message);
  return { log: { ...silentLogger, warn }, messages };
}

export interface Following {
  /** Revisions in the order in which they came. */
  readonly revisions: Revision[];
  readonly batches: Batch[];
  /** Why it ended; undefined while it goes on. */
  readonly error: () => unknown;
  /** Resolves when `revision` has come, or it has ended. */
  until(revision: Revision, limitMs?: number): Promise<void>;
  stop(): void;
}

export function following(store: Store, from: Revision): Following {
  const controller = new AbortController();
  const batches: Batch[] = [];
  const revisions: Revision[] = [];
  let error: unknown;
  let ended = false;
  let wake = (): void => undefined;
  const run = async (): Promise<void> => {
    try {
      for await (const batch of store.follow(from, controller.signal)) {
        batches.push(batch);
        revisions.push(batch.revision);
        wake();
      }
    } catch (cause) {
      error = cause;
    }
    ended = true;
    wake();
  };
  void run();
  const until = async (revision: Revision, limitMs = 10_000): Promise<void> => {
    const endMs = performance.now() + limitMs;
    while (!ended && (revisions.at(-1) ?? 0) < revision) {
      const leftMs = endMs - performance.now();
      assert.ok(leftMs > 0, `revision ${revision} has not come; the last was ${revisions.at(-1)}`);
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, leftMs);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  return { revisions, batches, error: () => error, until, stop: () => controller.abort() };
}
