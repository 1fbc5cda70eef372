/**
 * Moves the content of one store to another, between any two engines.
 *
 * In: a source that nobody writes to, and a target that is empty or bears the mark of the same copy. Out: the same rows in
 * the target, counted and compared, above an index base that keeps every client's index from falling.
 * Invariants: the mark says `copying` from before the first row until the content was compared; each commit demands that mark, so
 * that no two copies mix. A run that was broken off is run again and writes only what is missing.
 * Not here: what rows mean (rules), how stores are opened.
 */
import { sleep } from '../lib/abort.ts';
import { Backoff } from '../lib/backoff.ts';
import { copyMarkKey, encodeMark, readMark, type CopyMark } from './copy-mark.ts';
import {
  copied,
  type CopyRules,
  differences,
  entriesOf,
  kindOf,
  merged,
  type Row,
  Tally,
} from './copy-rows.ts';
import { encodeBase, indexBaseKey } from './offset.ts';
import { type Commit, type Operation, type Revision, type Store, StoreError } from './store.ts';

export interface CopyOptions {
  /** Only this process can write to the source, as the lock of its data directory says. */
  readonly sourceIsHeld: boolean;
  /** Copies although an agent lives on the source; what it writes meanwhile may be lost. */
  readonly force: boolean;
  /** Removes another copy's unfinished rows from the target first. */
  readonly startOver: boolean;
}

export interface CopyDeps {
  /** With its public revisions: opened through openOffset. */
  readonly from: Store;
  /** The bare engine. */
  readonly to: Store;
  readonly rules: CopyRules;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: CopyProgress) => void;
}

export interface CopyProgress {
  readonly step: 'reading' | 'copying' | 'comparing';
  readonly rows: number;
  /** 0 while it is not known. */
  readonly total: number;
}

export interface CopyReport {
  readonly rows: number;
  readonly bytes: number;
  /** Rows by kind, as `kv/`. */
  readonly kinds: Readonly<Record<string, number>>;
  /** Rows that this run had to write or delete; 0 when the target was already whole. */
  readonly written: number;
  readonly indexBase: Revision;
  /** sha256 of all rows, the same on both sides. */
  readonly digest: string;
}

export type CopyErrorCode =
  /** An agent lives on the source. Nothing was written. */
  | 'source-live'
  /** The source holds rows that this release does not know. Nothing was written. */
  | 'unknown-rows'
  /** The target holds something else. Nothing was written. */
  | 'target-taken'
  /** The target is half a copy of something else: see `startOver`. Nothing was written. */
  | 'other-copy'
  /** The source was written to meanwhile: run it again. */
  | 'source-changed'
  /** Somebody else wrote to the target meanwhile. */
  | 'target-changed'
  /** A row is larger than the target takes. */
  | 'too-large'
  /** The target did not take a commit, or the run was stopped: run it again. */
  | 'broken-off';

export class CopyError extends Error {
  readonly code: CopyErrorCode;

  constructor(code: CopyErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CopyError';
    this.code = code;
  }
}

/** Copies, compares and marks the target as whole. Throws CopyError, and StoreError of reads. */
export async function copyStore(options: CopyOptions, deps: CopyDeps): Promise<CopyReport> {
  return new Copy(options, deps).run();
}

class Copy {
  readonly #options: CopyOptions;
  readonly #deps: CopyDeps;
  #written = 0;

  constructor(options: CopyOptions, deps: CopyDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  async run(): Promise<CopyReport> {
    await this.#requireQuietSource();
    const { revision, newest, tally } = await this.#survey();
    const content = tally.digest();
    const mark = await this.#claim({ state: 'copying', content, base: revision }, newest);
    if (mark.state === 'copying') await this.#write(mark, tally.rows);
    await this.#compare(mark, tally);
    if (mark.state === 'copying') await this.#finish(mark);
    const { rows, bytes, kinds } = tally;
    const { base: indexBase } = mark;
    return {
      rows,
      bytes,
      kinds: Object.fromEntries(kinds),
      written: this.#written,
      indexBase,
      digest: content,
    };
  }

  async #requireQuietSource(): Promise<void> {
    const { from, rules } = this.#deps;
    if (this.#options.sourceIsHeld || this.#options.force) return;
    const live: string[] = [];
    for await (const { key } of entriesOf(from.read({ prefix: rules.livePrefix }))) {
      live.push(key.slice(rules.livePrefix.length));
    }
    if (live.length === 0) return;
    const text = `Agents live on the source: ${live.join(', ')}. Stop them and wait until their leases have run out.`;
    throw new CopyError('source-live', text);
  }

  /** Reads the whole source once: what is to be copied is known, and whether all of it can be, before anything is written. */
  async #survey(): Promise<{ revision: Revision; newest: Revision; tally: Tally }> {
    const { from, rules } = this.#deps;
    const tally = new Tally();
    const limit = this.#deps.to.limits.bytes - commitOverheadBytes;
    let revision = 0;
    let newest = 0;
    for await (const page of from.read({ prefix: '' })) {
      this.#requireTime();
      revision = Math.max(revision, page.revision);
      for (const entry of page.entries) {
        const { key } = entry;
        newest = Math.max(newest, entry.modRevision);
        const rule = isOwn(key) ? 'leave' : rules.of(key);
        if (rule === undefined) {
          const text = `The source holds rows ${JSON.stringify(kindOf(key))} that this Portolan does not know. Use a newer one.`;
          throw new CopyError('unknown-rows', text);
        }
        if (rule === 'leave') continue;
        const row = { key, value: rules.value(entry) };
        if (rowBytes(row) > limit) {
          const text = `The row ${JSON.stringify(key)} has ${rowBytes(row)} bytes; the target takes ${limit} in one commit.`;
          throw new CopyError('too-large', text);
        }
        tally.add(row);
      }
      this.#deps.onProgress({ step: 'reading', rows: tally.rows, total: 0 });
    }
    return { revision, newest, tally };
  }

  /** Puts the mark, or finds that of the same copy, whole; returns the one that counts. `newest`: of the source's rows. */
  async #claim(mark: CopyMark, newest: Revision): Promise<CopyMark> {
    const { to } = this.#deps;
    const found = await readMark(to);
    if (found === undefined) {
      const when = { prefix: '', empty: true } as const;
      if (await this.#commit({ when: [when], then: marks(mark) })) return mark;
      // An answer that was lost may have been a success.
      const again = await readMark(to);
      if (again !== undefined && same(again, mark)) return mark;
      throw new CopyError(
        'target-taken',
        'The target is not empty. Give an empty directory, or another prefix.',
      );
    }
    if (found.state === 'done') {
      if (found.content === mark.content && newest <= found.base) return found;
      const text = 'The target holds the copy of another state of a store. Give an empty target.';
      throw new CopyError('target-taken', text);
    }
    if (found.content !== mark.content && !this.#options.startOver) {
      const text =
        'The target holds an unfinished copy of another state of a store. Give -start-over to remove it and copy anew.';
      throw new CopyError('other-copy', text);
    }
    // The base may be another than before: rows that are already there rise with it.
    if (!(await this.#commit({ when: [is(found)], then: marks(mark) }))) throw targetChanged();
    return mark;
  }

  async #write(mark: CopyMark, total: number): Promise<void> {
    const { from, to, rules, onProgress } = this.#deps;
    const wanted = merged(copied(from, rules), rules.added(mark.base + 1));
    const batch = new BatchOfOperations(to.limits);
    let rows = 0;
    for await (const operation of differences(wanted, rowsOf(to))) {
      rows++;
      if (operation === undefined) continue;
      if (!batch.takes(operation)) {
        await this.#flush(mark, batch);
        onProgress({ step: 'copying', rows, total });
      }
      batch.add(operation);
    }
    await this.#flush(mark, batch);
  }

  async #flush(mark: CopyMark, batch: BatchOfOperations): Promise<void> {
    const operations = batch.take();
    if (operations.length === 0) return;
    if (!(await this.#commit({ when: [is(mark)], then: operations }))) throw targetChanged();
    this.#written += operations.length;
  }

  /** Reads both sides again: the source must be what it was, the target must be the source. */
  async #compare(mark: CopyMark, tally: Tally): Promise<void> {
    const { from, to, rules, onProgress } = this.#deps;
    const source = new Tally();
    const wanted = merged(tallied(copied(from, rules), source), rules.added(mark.base + 1));
    let rows = 0;
    let differs = false;
    for await (const operation of differences(wanted, rowsOf(to))) {
      if (++rows % 1000 === 0) {
        this.#requireTime();
        onProgress({ step: 'comparing', rows, total: tally.rows });
      }
      differs ||= operation !== undefined;
    }
    if (source.digest() !== mark.content) {
      const text = 'The source was written to meanwhile: stop who writes and run this again.';
      throw new CopyError('source-changed', text);
    }
    if (!differs) return;
    if (mark.state === 'copying') throw targetChanged();
    const text = 'The target was copied to before and has been used since. Give an empty target.';
    throw new CopyError('target-taken', text);
  }

  async #finish(mark: CopyMark): Promise<void> {
    const done: CopyMark = { ...mark, state: 'done' };
    const put = { put: copyMarkKey, value: encodeMark(done) };
    if (await this.#commit({ when: [is(mark)], then: [put] })) return;
    const found = await readMark(this.#deps.to);
    if (found === undefined || !same(found, done)) throw targetChanged();
  }

  /**
   * False when the compares do not hold. A commit whose outcome is not known is sent again: a second application would write
   * the same.
   */
  async #commit(commit: Commit): Promise<boolean> {
    const backoff = new Backoff({ minMs: 20, maxMs: 1000 });
    let cause: unknown;
    for (let tries = 0; tries < maxTries; tries++) {
      if (tries > 0) await sleep(backoff.nextMs(), this.#deps.signal);
      this.#requireTime();
      try {
        const result = await this.#deps.to.commit(commit);
        if (result.outcome !== 'unknown') return result.outcome === 'committed';
        cause = result.cause;
      } catch (error) {
        if (!(error instanceof StoreError) || error.code !== 'unavailable') throw error;
        cause = error;
      }
    }
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CopyError('broken-off', `The target did not take the rows: ${why}`, { cause });
  }

  #requireTime(): void {
    if (this.#deps.signal.aborted) throw new CopyError('broken-off', 'The copy was stopped. Run it again.');
  }
}

const maxTries = 20;
/** Room for the mark's compare and what an engine adds to a commit. */
const commitOverheadBytes = 4096;

/** As many operations as one commit takes. */
class BatchOfOperations {
  readonly #maxOps: number;
  readonly #maxBytes: number;
  #operations: Operation[] = [];
  #bytes = 0;

  constructor(limits: Store['limits']) {
    // An embedded engine holds the event loop for each commit; more than this gains nothing.
    this.#maxOps = Math.min(512, limits.ops);
    this.#maxBytes = Math.min(1024 * 1024, limits.bytes - commitOverheadBytes);
  }

  takes(operation: Operation): boolean {
    const count = this.#operations.length;
    return count === 0 || (count < this.#maxOps && this.#bytes + operationBytes(operation) <= this.#maxBytes);
  }

  add(operation: Operation): void {
    this.#operations.push(operation);
    this.#bytes += operationBytes(operation);
  }

  take(): Operation[] {
    const taken = this.#operations;
    this.#operations = [];
    this.#bytes = 0;
    return taken;
  }
}

function operationBytes(operation: Operation): number {
  if ('put' in operation) return rowBytes({ key: operation.put, value: operation.value });
  return 3 * ('delete' in operation ? operation.delete : operation.deletePrefix).length;
}

function rowBytes({ key, value }: Row): number {
  return Buffer.byteLength(key) + value.byteLength;
}

/** Keys of the copy itself, on either side. */
function isOwn(key: string): boolean {
  return key === copyMarkKey || key === indexBaseKey;
}

async function* rowsOf(store: Store): AsyncGenerator<Row> {
  for await (const entry of entriesOf(store.read({ prefix: '' }))) if (!isOwn(entry.key)) yield entry;
}

async function* tallied(rows: AsyncIterable<Row>, tally: Tally): AsyncGenerator<Row> {
  for await (const row of rows) {
    tally.add(row);
    yield row;
  }
}

function marks(mark: CopyMark): Operation[] {
  return [
    { put: copyMarkKey, value: encodeMark(mark) },
    { put: indexBaseKey, value: encodeBase(mark.base) },
  ];
}

function is(mark: CopyMark): { readonly key: string; readonly value: Uint8Array } {
  return { key: copyMarkKey, value: encodeMark(mark) };
}

function same(a: CopyMark, b: CopyMark): boolean {
  return Buffer.compare(encodeMark(a), encodeMark(b)) === 0;
}

function targetChanged(): CopyError {
  return new CopyError(
    'target-changed',
    'Somebody else wrote to the target meanwhile: stop who writes and run this again.',
  );
}
