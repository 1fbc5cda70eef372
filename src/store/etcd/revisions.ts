/**
 * Which revision to name, in an etcd whose revision also grows by what others write into it.
 *
 * Invariant: a revision that is named is one that every follower of this store comes to: the head's (each commit puts
 * it) or one that a follower has been shown (keys that vanished with their lease).
 */
import { randomBytes } from 'node:crypto';

import { Coalesced } from '../../lib/coalesced.ts';
import type { Revision } from '../store.ts';
import type { Caller, CallOptions } from './caller.ts';
import type { Keys } from './keys.ts';
import { encodeRange, encodeTxn, methods, type RangeAnswer } from './messages.ts';

export class Revisions {
  readonly #caller: Caller;
  readonly #calls: CallOptions;
  readonly #keys: Keys;
  readonly #onHead: (revision: Revision) => void;
  readonly #touches = new Coalesced(() => this.#touchNow());
  readonly #barriers = new Coalesced(() => this.#barrierNow());
  readonly #probes = new Coalesced(() => this.#probeNow());
  readonly #instance = randomBytes(8).toString('hex');
  #marks = 0;
  #shown: Revision = 0;

  /** `onHead` is told of each revision that followers must come to. */
  constructor(deps: {
    readonly caller: Caller;
    readonly calls: CallOptions;
    readonly keys: Keys;
    readonly onHead: (revision: Revision) => void;
  }) {
    this.#caller = deps.caller;
    this.#calls = deps.calls;
    this.#keys = deps.keys;
    this.#onHead = deps.onHead;
  }

  /** A value for the head that no other commit gives it. */
  mark(): string {
    return `${this.#instance}.${++this.#marks}`;
  }

  /** Followers were given batches up to this revision. */
  show(revision: Revision): void {
    if (revision > this.#shown) this.#shown = revision;
  }

  /** Another history begins. */
  forget(): void {
    this.#shown = 0;
  }

  /** A revision at least as new as everything visible before the call. Rejects with CallFailure. */
  barrier(): Promise<Revision> {
    return this.#barriers.next();
  }

  /** etcd's own revision at this moment; it may be another's. Rejects with CallFailure. */
  current(): Promise<Revision> {
    return this.#probes.next();
  }

  /** Names a moment at which the store was at `revision` and its head was `head`. */
  async named(revision: Revision, head: RangeAnswer | undefined): Promise<Revision> {
    const reached = Math.max(head?.kvs[0]?.modRevision ?? 0, this.#shown);
    if (revision <= reached) return reached;
    // Something was written after the last commit: keys that vanished with their lease, or another's. Followers come past
    // it for sure only with a commit behind it.
    return this.#touches.next().catch(() => reached);
  }

  async #barrierNow(): Promise<Revision> {
    const answer = await this.#readHead();
    return this.named(answer.header.revision, answer);
  }

  async #probeNow(): Promise<Revision> {
    return (await this.#readHead()).header.revision;
  }

  async #readHead(): Promise<RangeAnswer> {
    const { answer } = await this.#caller.call(
      methods.range,
      encodeRange({ key: this.#keys.head }),
      this.#calls,
    );
    const head = answer.kvs[0]?.modRevision ?? 0;
    if (head > this.#shown) this.#onHead(head);
    return answer;
  }

  // Sent twice it does no harm.
  async #touchNow(): Promise<Revision> {
    const success = [{ put: this.#keys.head, value: Buffer.from(this.mark()) }];
    const request = encodeTxn({ compare: [], success, failure: [] });
    const { answer } = await this.#caller.call(methods.txn, request, this.#calls);
    this.#onHead(answer.header.revision);
    return answer.header.revision;
  }
}
