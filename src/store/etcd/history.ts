/**
 * Tells whether answers still come from the store that was opened: an etcd that was restored from a backup goes back in
 * its revisions, another cluster has another id.
 */
import type { Logger } from '../../lib/log.ts';
import type { Revision } from '../store.ts';
import { CallFailure } from './failure.ts';
import type { Header } from './messages.ts';
import type { Id } from './wire.ts';

/** For so long after an answer of the known cluster, another server's answer for another cluster is a fault. */
const trustMs = 3000;

export class History {
  readonly #log: Logger;
  readonly #onChange: () => void;
  #clusterId: Id | undefined;
  #confirmedBy = '';
  #confirmedMs = 0;
  #seen: Revision = 0;

  constructor(deps: { readonly log: Logger; readonly onChange: () => void }) {
    this.#log = deps.log;
    this.#onChange = deps.onChange;
  }

  /** The newest revision that any answer spoke of. */
  get seen(): Revision {
    return this.#seen;
  }

  saw(revision: Revision): void {
    if (revision > this.#seen) this.#seen = revision;
  }

  /** For answers of one server. Throws CallFailure `lost` for a cluster that is not ours. */
  checkCluster({ clusterId }: Header, address: string): void {
    const nowMs = performance.now();
    const known = this.#clusterId;
    if (known !== undefined && known !== clusterId) {
      if (address !== this.#confirmedBy && nowMs - this.#confirmedMs < trustMs) {
        throw new CallFailure('lost', `${address} belongs to another etcd cluster than ${this.#confirmedBy}`);
      }
      this.#log.warn(
        { address, was: hex(known), is: hex(clusterId) },
        'another etcd cluster answers; reading everything again',
      );
      this.#clusterId = clusterId;
      this.#change(0);
    }
    this.#clusterId = clusterId;
    this.#confirmedBy = address;
    this.#confirmedMs = nowMs;
  }

  /** For answers that a majority stands behind; `seenBefore` is what was known when the request went out. */
  checkRevision({ revision }: Header, seenBefore: Revision): void {
    if (revision >= seenBefore || seenBefore > this.#seen) return this.saw(revision);
    this.#log.warn(
      { was: seenBefore, is: revision },
      'etcd went back in its revisions, it was restored; reading everything again',
    );
    this.#change(revision);
  }

  #change(seen: Revision): void {
    this.#seen = seen;
    this.#onChange();
  }
}

function hex(id: Id): string {
  return BigInt.asUintN(64, id).toString(16);
}
