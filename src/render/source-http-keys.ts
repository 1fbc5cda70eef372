/**
 * Changes of a place's keys, from a blocking query a folder, 4 folders at most.
 *
 * In: queries of keys and prefixes. Out: their answers. Queries are put together by the deepest folders that are few enough;
 * a folder of one query is followed by that query itself. Of the others the whole subtree is asked for, and all answers come
 * from one reading of it; a subtree of more than 1 MiB is followed by its index alone, and then each query is read.
 */
import { ClientError } from '@portolan/sdk';
import type { KeyPair } from './source.ts';
import type { Place } from './consul-queries.ts';
import { keyBelow } from './answers.ts';
import { followAlone, idleMs } from './source-http-alone.ts';
import type { Entry } from './source-http-entry.ts';
import { runPoll } from './source-http-poll.ts';
import { Round } from './source-http-round.ts';
import type { SignalDeps, Signals } from './source-http-shared.ts';
import { serverError } from './source-http-transport.ts';

const mostFolders = 4;
const deepest = 8;
const mostTreeBytes = 1024 * 1024;
const mostPauseMs = 300;

interface Group {
  entries: ReadonlySet<Entry>;
  readonly sweep: BlindSweep;
  readonly stop: AbortController;
  readonly loop: Promise<void>;
}

export class KeySignals implements Signals {
  readonly #place: Place;
  readonly #deps: SignalDeps;
  readonly #groups = new Map<string, Group>();
  readonly #loops = new Set<Promise<void>>();

  constructor(place: Place, deps: SignalDeps) {
    this.#place = place;
    this.#deps = deps;
    deps.signal.addEventListener('abort', () => {
      for (const { stop } of this.#groups.values()) stop.abort();
    });
  }

  update(entries: ReadonlySet<Entry>): void {
    const wanted = new Map<string, ReadonlySet<Entry>>();
    for (const [folder, own] of folders([...entries])) {
      // One alone is its own signal: another one in its place is another group.
      const alone = own.length === 1 ? `=${pathOf(own[0]!)} ${own[0]!.query.type}` : folder;
      wanted.set(alone, new Set(own));
    }
    for (const [folder, group] of this.#groups) {
      if (isFollowedBy(group, wanted.get(folder))) continue;
      this.#groups.delete(folder);
      group.stop.abort();
    }
    for (const [folder, own] of wanted) {
      const group = this.#groups.get(folder);
      if (group === undefined) this.#open(folder, own);
      else this.#extend(group, own);
    }
  }

  async ended(): Promise<void> {
    await Promise.all(this.#loops);
  }

  #extend(group: Group, entries: ReadonlySet<Entry>): void {
    // The subtree will tell of changes; what is there now has to be asked for.
    for (const entry of entries) if (!group.entries.has(entry)) this.#deps.due.urge(entry);
    group.entries = entries;
    group.sweep.update(entries);
  }

  #open(folder: string, entries: ReadonlySet<Entry>): void {
    const stop = new AbortController();
    const { options } = this.#deps;
    const [first] = entries;
    const sweep = new BlindSweep(this.#deps, entries, stop.signal);
    const follow = (): Promise<void> =>
      entries.size === 1
        ? followAlone(first!, options, this.#deps, stop.signal)
        : this.#followFolder(folder, () => this.#groups.get(folder)?.entries ?? entries, sweep, stop.signal);
    const group = { entries, sweep, stop, loop: follow() };
    this.#groups.set(folder, group);
    this.#loops.add(group.loop);
    void group.loop.then(() => this.#loops.delete(group.loop));
  }

  async #followFolder(
    folder: string,
    entries: () => ReadonlySet<Entry>,
    sweep: BlindSweep,
    signal: AbortSignal,
  ): Promise<void> {
    await this.#followTree(folder, entries, sweep, signal);
    if (!signal.aborted) await this.#followIndex(folder, entries, sweep, signal);
  }

  /** Ends when the subtree is too large, or may not be listed. */
  async #followTree(
    folder: string,
    entries: () => ReadonlySet<Entry>,
    sweep: BlindSweep,
    signal: AbortSignal,
  ): Promise<void> {
    const { queries, options, wake } = this.#deps;
    let index = 0;
    const poll = {
      read: (read: Parameters<typeof queries.tree>[3]) =>
        queries.tree(this.#place, folder, mostTreeBytes, read),
      index: () => index,
      accept: (answer: { readonly data: readonly KeyPair[]; readonly index: number }, wasAway: boolean) => {
        const moved = answer.index !== index;
        const isReset = wasAway || answer.index < index;
        index = answer.index < index ? 0 : answer.index;
        sweep.stop();
        const values = new Map(answer.data.map(({ path, value }) => [path, value]));
        for (const entry of entries()) {
          // It was read after the subtree was: the subtree will say so too.
          if (!isReset && answer.index > 0 && entry.index > answer.index) continue;
          entry.accept({ data: answerOf(entry, answer.data, values), index: answer.index });
        }
        return moved;
      },
      failed: (error: unknown) => {
        if (serverError(error)?.code === 'too-large') return 'stop' as const;
        sweep.start();
        return error instanceof ClientError && error.status === 403 ? ('stop' as const) : ('retry' as const);
      },
      restMs: () => idleMs,
      pauseMs: (busyMs: number) => Math.min(10 * busyMs, mostPauseMs),
    };
    await runPoll(poll, options, wake, signal);
  }

  async #followIndex(
    folder: string,
    entries: () => ReadonlySet<Entry>,
    sweep: BlindSweep,
    signal: AbortSignal,
  ): Promise<void> {
    const { queries, options, wake, due } = this.#deps;
    let index = 0;
    const poll = {
      read: (read: Parameters<typeof queries.treeIndex>[2]) => queries.treeIndex(this.#place, folder, read),
      index: () => index,
      accept: (answer: { readonly index: number }, wasAway: boolean) => {
        const moved = answer.index !== index;
        index = answer.index < index ? 0 : answer.index;
        sweep.stop();
        if (moved || wasAway || index === 0) for (const entry of entries()) due.urge(entry);
        return moved;
      },
      failed: () => {
        sweep.start();
        return 'retry' as const;
      },
      restMs: () => idleMs,
      pauseMs: (busyMs: number) => Math.min(10 * busyMs, mostPauseMs),
    };
    await runPoll(poll, options, wake, signal);
  }
}

/** Reads a folder's queries in turn for as long as the folder itself can't be followed. */
class BlindSweep {
  readonly #deps: SignalDeps;
  #entries: ReadonlySet<Entry>;
  #running: { readonly round: Round; readonly stop: AbortController } | undefined;

  constructor(deps: SignalDeps, entries: ReadonlySet<Entry>, signal: AbortSignal) {
    this.#deps = deps;
    this.#entries = entries;
    signal.addEventListener('abort', () => this.stop(), { once: true });
  }

  /** The queries that the folder has from now on. */
  update(entries: ReadonlySet<Entry>): void {
    this.#entries = entries;
    this.#running?.round.update(entries);
  }

  start(): void {
    if (this.#running !== undefined) return;
    const stop = new AbortController();
    const round = new Round({ due: this.#deps.due, signal: stop.signal });
    round.update(this.#entries);
    this.#running = { round, stop };
  }

  stop(): void {
    this.#running?.stop.abort();
    this.#running = undefined;
  }
}

// Another query in the place of one that is followed alone has nobody who follows it.
function isFollowedBy({ entries }: Group, wanted: ReadonlySet<Entry> | undefined): boolean {
  if (wanted === undefined) return false;
  const [first] = wanted;
  return wanted.size > 1 || entries.size > 1 || entries.has(first!);
}

function answerOf(
  { query }: Entry,
  rows: readonly KeyPair[],
  values: ReadonlyMap<string, string>,
): string | null | readonly KeyPair[] {
  if (query.type === 'key') return values.get(query.key) ?? null;
  if (query.type !== 'prefix') return null;
  const { prefix } = query;
  return rows
    .filter(({ path }) => path.startsWith(prefix))
    .map((row) => ({ ...row, key: keyBelow(prefix, row.path) }));
}

/** Queries by the deepest folders of which there are few enough; '' is everything. */
export function folders(entries: readonly Entry[]): ReadonlyMap<string, readonly Entry[]> {
  for (let depth = deepest; ; depth--) {
    const groups = new Map<string, Entry[]>();
    for (const entry of entries) {
      const folder = cut(pathOf(entry), depth);
      const known = groups.get(folder);
      if (known === undefined) groups.set(folder, [entry]);
      else known.push(entry);
    }
    if (groups.size <= mostFolders || depth === 0) return groups;
  }
}

function pathOf({ query }: Entry): string {
  if (query.type === 'key') return query.key;
  return query.type === 'prefix' ? query.prefix : '';
}

// The first folders of a path, with the slash behind them; a path that has no more is itself.
function cut(path: string, depth: number): string {
  if (depth === 0) return '';
  const parts = path.split('/');
  return parts.length <= depth ? path : `${parts.slice(0, depth).join('/')}/`;
}
