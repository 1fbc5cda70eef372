/**
 * Commits as etcd's transactions.
 *
 * Invariant: a commit is sent again only when it surely was not carried out, or when a second time can't be
 * (translate.ts, appliesOnce); what remains in doubt is `unknown`.
 */
import type { Commit, CommitResult, Revision } from '../store.ts';
import type { Caller, CallOptions } from './caller.ts';
import { CallFailure } from './failure.ts';
import type { Keys } from './keys.ts';
import { encodeRange, methods, type TxnAnswer } from './messages.ts';
import type { Revisions } from './revisions.ts';
import { appliesOnce, encodeCommit } from './translate.ts';

export interface CommitsDeps {
  readonly caller: Caller;
  readonly calls: CallOptions;
  readonly keys: Keys;
  readonly revisions: Revisions;
  readonly onHead: (revision: Revision) => void;
  /** etcd refused what was within the limits. */
  readonly onTooLarge: () => void;
}

export class Commits {
  readonly #deps: CommitsDeps;

  constructor(deps: CommitsDeps) {
    this.#deps = deps;
  }

  /** The values are copied before it returns. Rejects with StoreError. */
  commit(commit: Commit): Promise<CommitResult> {
    const mark = this.#deps.revisions.mark();
    return this.#send(commit, encodeCommit(commit, this.#deps.keys, mark), mark);
  }

  async #send(commit: Commit, request: Buffer, mark: string): Promise<CommitResult> {
    const { caller, calls, onTooLarge } = this.#deps;
    const repeatable = appliesOnce(commit);
    try {
      const { answer, repeated } = await caller.call(methods.txn, request, { ...calls, repeatable });
      if (repeated && !answer.succeeded) return await this.#settle(commit, mark);
      return await this.#result(commit, answer);
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      if (error.kind === 'lost') return { outcome: 'unknown', cause: error.toStoreError() };
      if (error.code === 'too-large') onTooLarge();
      throw error.toStoreError();
    }
  }

  async #result(commit: Commit, answer: TxnAnswer): Promise<CommitResult> {
    const { onHead, revisions } = this.#deps;
    const outcome = answer.succeeded ? 'committed' : 'refused';
    const operations = answer.succeeded ? commit.then : (commit.else ?? []);
    const { revision } = answer.header;
    if (operations.length === 0)
      return { outcome, revision: await revisions.named(revision, answer.ranges[0]) };
    onHead(revision);
    return { outcome, revision };
  }

  /**
   * The commit was sent twice and the second was refused: by what the first did, or by what others did. The head's value at
   * the revision of a row that was put tells whose commit made it.
   */
  async #settle(commit: Commit, mark: string): Promise<CommitResult> {
    const { caller, calls, keys } = this.#deps;
    const put = commit.then.find((operation) => 'put' in operation);
    const key = put === undefined ? keys.head : keys.bytes(put.put);
    const { answer } = await caller.call(methods.range, encodeRange({ key }), calls);
    const revision = answer.kvs[0]?.modRevision;
    if (revision !== undefined) {
      const request = encodeRange({ key: keys.head }, { revision });
      const head = (await caller.call(methods.range, request, calls)).answer.kvs[0];
      if (head?.modRevision === revision && head.value.toString() === mark)
        return { outcome: 'committed', revision };
    }
    const cause = new CallFailure(
      'lost',
      'the answer to the commit was lost, and its rows have changed since',
    );
    return { outcome: 'unknown', cause: cause.toStoreError() };
  }
}
