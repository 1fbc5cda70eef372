/**
 * Changes of a place's catalog, from three blocking queries: the lists of services, nodes and checks.
 *
 * In: the lists' answers. Out: queries that are due. A check that changed names its service. A list of services whose
 * index moved while its names and tags stayed hides what changed: then it is either a check that changed at the same index, or
 * all are read. Of changes that came together only the newest has its index in the list: when one of the indexes between is
 * no check's, all are read once more as soon as it is quiet.
 * While one of the lists can't be followed, all are read in turn.
 */
import type { ReadOptions } from '@portolan/sdk';
import type { CheckStamp } from './consul-answers.ts';
import type { Place, Reply } from './consul-queries.ts';
import { idleMs } from './source-http-alone.ts';
import type { Fresh } from './source-http-ask.ts';
import type { Entry } from './source-http-entry.ts';
import { NodeStamps } from './source-http-nodes.ts';
import { runPoll } from './source-http-poll.ts';
import { Round, rereadMs, sweepMs } from './source-http-round.ts';
import type { SignalDeps, Signals } from './source-http-shared.ts';
import { serverError } from './source-http-transport.ts';
import type { CatalogSnippet, NodeRecord } from './source.ts';

type ListName = 'services' | 'nodes' | 'checks';

/** The list of checks may come a little after that of services. */
const explainMs = 30;
/** Of a stream of changes each puts that off; not longer than this. */
const mostExplainMs = 90;
/** Without news for so long it is quiet. */
const quietMs = 300;
/** In a stream of changes a list is read for a sixtieth of the time at most, unless it takes longer than this. */
const pauseFactor = 60;
const mostPauseMs = 100;
/** How long a reading of all services takes in a stream of changes, for each of them and at most. */
const spreadMsEach = 0.9;
const mostSpreadMs = 300;
const pieceMs = 40;
/** With as many services to a node it is sooner read by nodes what changed. */
const servicesForNode = 8;
/** Between two readings of the nodes. */
const findRestMs = 150;

export class CatalogSignals implements Signals {
  readonly #place: Place;
  readonly #deps: SignalDeps;
  readonly #round: Round;
  readonly #blind = new Set<ListName>();
  readonly #waiting = new Set<ListName>(['services', 'nodes', 'checks']);
  readonly #index: Record<ListName, number> = { services: 0, nodes: 0, checks: 0 };
  readonly #loops: Promise<void>[] = [];
  #entries: ReadonlySet<Entry> = new Set();
  #byService = new Map<string, Entry[]>();
  #tags = new Map<string, string>();
  #nodes = new Map<string, string>();
  #checks = new Map<string, CheckStamp>();
  /** Indexes at which checks have changed, since the list of services moved last. */
  #explained = new Set<number>();
  /** Where the list of services was before the moves that are not explained yet, and until when that may take. */
  #unexplained: { readonly from: number; readonly giveUpMs: number } | undefined;
  #explain: NodeJS.Timeout | undefined;
  #quiet: NodeJS.Timeout | undefined;
  #sweep: NodeJS.Timeout | undefined;
  readonly #stamps: NodeStamps;
  #isFinding = false;
  #rest: NodeJS.Timeout | undefined;
  /** The index to find up to as soon as may be; 0: none. */
  #findAgain = 0;
  #unread = 0;
  #nextRead = 0;
  #sweptMs = Number.NEGATIVE_INFINITY;

  constructor(place: Place, deps: SignalDeps) {
    this.#place = place;
    this.#deps = deps;
    this.#stamps = new NodeStamps(place, deps.queries, deps.options);
    this.#round = new Round(deps, () => (this.#blind.size > 0 ? sweepMs : rereadMs));
    deps.signal.addEventListener('abort', () => {
      clearTimeout(this.#explain);
      clearTimeout(this.#quiet);
      clearInterval(this.#sweep);
      clearTimeout(this.#rest);
    });
  }

  update(entries: ReadonlySet<Entry>): void {
    const added = [...entries].filter((entry) => !this.#entries.has(entry));
    this.#entries = entries;
    this.#round.update(entries, true);
    this.#byService = new Map();
    for (const entry of entries) {
      if (entry.query.type !== 'service' || entry.query.connect !== undefined) continue;
      const name = entry.query.name.toLowerCase();
      this.#byService.set(name, [...(this.#byService.get(name) ?? []), entry]);
    }
    if (added.length > 0 && this.#loops.length === 0) this.#start();
    // What is read before the lists are known could change unnoticed.
    if (this.#waiting.size === 0) for (const entry of added) this.#deps.due.urge(entry);
  }

  async ended(): Promise<void> {
    await Promise.all(this.#loops);
  }

  #start(): void {
    const { queries, options } = this.#deps;
    const { dc, scope } = this.#place;
    const place = scope === undefined ? { dc } : { dc, scope };
    this.#follow(
      'services',
      (read) => queries.ask({ type: 'services', ...place }, read),
      (a, before) => this.#sawServices(a, before),
    );
    this.#follow(
      'nodes',
      (read) => queries.ask({ type: 'nodes', near: '', ...place }, read),
      (a) => this.#sawNodes(a),
    );
    this.#follow(
      'checks',
      (read) => queries.checks(place, options.mostCheckBytes, read),
      (a) => this.#sawChecks(a),
    );
  }

  #follow<A extends Fresh>(
    name: ListName,
    read: (options: ReadOptions) => Promise<A>,
    saw: (answer: A, before: number) => void,
  ): void {
    const poll = {
      read,
      index: () => this.#index[name],
      accept: (answer: A) => {
        const known = this.#index[name];
        // An answer without an index cannot be waited beyond: it tells too little, too seldom.
        if (answer.index === 0) this.#blind.add(name);
        else this.#blind.delete(name);
        this.#index[name] = answer.index < known ? 0 : answer.index;
        // Restored or restarted: nothing that was known of it holds.
        if (answer.index < known) this.#urgeAll();
        if (answer.index !== known) saw(answer, known);
        this.#first(name);
        return answer.index !== known;
      },
      failed: (error: unknown) => {
        this.#blind.add(name);
        this.#first(name);
        return serverError(error)?.code === 'too-large' ? ('stop' as const) : ('retry' as const);
      },
      restMs: () => idleMs,
      pauseMs: (busyMs: number) => Math.min(pauseFactor * busyMs, mostPauseMs),
    };
    const { options, wake, signal } = this.#deps;
    this.#loops.push(runPoll(poll, options, wake, signal));
  }

  #first(name: ListName): void {
    if (this.#waiting.delete(name) && this.#waiting.size === 0) this.#urgeAll();
  }

  #sawServices(answer: Reply<readonly CatalogSnippet[]>, before: number): void {
    const tags = new Map(answer.data.map((one) => [one.name, one.tags.join('\0')]));
    const changed = differences(this.#tags, tags);
    this.#tags = tags;
    for (const entry of this.#entries) {
      if (entry.query.type === 'services') entry.accept(answer);
      else if (entry.query.type === 'node') this.#urge(entry);
    }
    for (const name of changed) this.#urgeService(name);
    if (changed.length > 0) this.#urgeConnect();
    this.#explainLater(before, answer.index, changed.length > 0);
  }

  #explainLater(from: number, to: number, isNamed: boolean): void {
    const now = performance.now();
    const { from: since, giveUpMs } = (this.#unexplained ??= { from, giveUpMs: now + mostExplainMs });
    clearTimeout(this.#explain);
    const explain = (): void => {
      this.#unexplained = undefined;
      const isNewestKnown = isNamed || this.#explained.has(to);
      if (!isNewestKnown) this.#findChanges(to);
      else if (!this.#isExplained(since, isNamed ? to - 1 : to)) this.#readAllWhenQuiet();
      for (const index of this.#explained) if (index <= to) this.#explained.delete(index);
    };
    this.#explain = setTimeout(explain, Math.min(explainMs, giveUpMs - now));
  }

  /** Something has changed in some service, the last time at index `to`. */
  #findChanges(to: number): void {
    const nodes = [...this.#nodes.keys()];
    if (nodes.length === 0 || nodes.length * servicesForNode > this.#byService.size)
      return this.#urgeServices();
    if (this.#isFinding) {
      this.#findAgain = to;
      return;
    }
    this.#isFinding = true;
    void this.#stamps.read(nodes, this.#deps.signal).then((index) => {
      if (this.#deps.signal.aborted) return;
      // A server that has not heard of the change yet tells of none.
      if (index === undefined || index < to) this.#urgeServices();
      else {
        const behind = this.#services().filter((entry) => this.#stamps.isAheadOf(entry));
        for (const entry of behind) this.#urge(entry);
        if (behind.length > 0) this.#urgeConnect();
      }
      this.#rest = setTimeout(() => {
        const again = this.#findAgain;
        this.#isFinding = false;
        this.#findAgain = 0;
        if (again > 0) this.#findChanges(again);
      }, findRestMs);
    });
  }

  #isExplained(from: number, to: number): boolean {
    if (to - from > this.#explained.size) return false;
    for (let index = from + 1; index <= to; index++) if (!this.#explained.has(index)) return false;
    return true;
  }

  #readAllWhenQuiet(): void {
    clearTimeout(this.#quiet);
    this.#quiet = setTimeout(() => {
      for (const entry of this.#entries) if (entry.query.type === 'service') this.#deps.due.add(entry);
    }, quietMs);
  }

  #sawNodes(answer: Reply<readonly NodeRecord[]>): void {
    const nodes = new Map(answer.data.map((record) => [record.node, JSON.stringify(record)]));
    const changed = new Set(differences(this.#nodes, nodes));
    const wereThere = [...changed].some((name) => this.#nodes.has(name));
    this.#nodes = nodes;
    for (const entry of this.#entries) {
      const { query } = entry;
      if (query.type === 'nodes') {
        if (query.near === '') entry.accept(answer);
        else this.#urge(entry);
      } else if (query.type === 'node' && (query.name === '' || changed.has(query.name))) this.#urge(entry);
    }
    // Instances carry their node's address and meta.
    if (wereThere) this.#urgeServices();
  }

  #sawChecks(answer: Reply<readonly CheckStamp[]>): void {
    const checks = new Map(answer.data.map((check) => [`${check.node}\0${check.checkId}`, check]));
    const changed: CheckStamp[] = [];
    for (const [key, check] of checks) {
      const known = this.#checks.get(key);
      if (known === undefined || known.stamp !== check.stamp || known.service !== check.service)
        changed.push(check);
      // It may have moved from one service to another.
      if (known !== undefined && known.service !== check.service) changed.push({ ...known, stamp: 0 });
    }
    for (const [key, check] of this.#checks) if (!checks.has(key)) changed.push({ ...check, stamp: 0 });
    this.#checks = checks;
    if (changed.length > 0) this.#explained.add(answer.index);
    for (const { stamp } of changed) if (typeof stamp === 'number') this.#explained.add(stamp);
    for (const { service, stamp } of changed) {
      const index = typeof stamp === 'number' ? stamp : 0;
      // A check of a node counts for all that runs there, also for what was filtered out of the answers.
      if (service === '') return this.#urgeServices();
      this.#urgeService(service, index);
    }
    if (changed.length > 0) this.#urgeConnect();
  }

  /** A proxy has a service's name of its own. */
  #urgeConnect(): void {
    for (const entry of this.#entries) {
      if (entry.query.type === 'service' && entry.query.connect !== undefined) this.#urge(entry);
    }
  }

  #urgeService(name: string, index = 0): void {
    for (const entry of this.#byService.get(name.toLowerCase()) ?? []) this.#urge(entry, index);
  }

  // At once when it was quiet. In a stream of such changes a piece at a time, round and round until all have been read
  // after the last change: what is read trickles in, as the changes do, and leaves the most of the time to others.
  #urgeServices(): void {
    const services = this.#services();
    const spreadMs = Math.min(spreadMsEach * services.length, mostSpreadMs);
    if (this.#sweep === undefined && performance.now() - this.#sweptMs > spreadMs) {
      this.#sweptMs = performance.now();
      for (const entry of services) this.#urge(entry);
      return;
    }
    this.#unread = services.length;
    this.#sweep ??= setInterval(() => this.#readPiece(), pieceMs);
  }

  #readPiece(): void {
    const services = this.#services();
    const spreadMs = Math.min(spreadMsEach * services.length, mostSpreadMs);
    const count = Math.min(this.#unread, Math.ceil((services.length * pieceMs) / spreadMs));
    for (let i = 0; i < count; i++) this.#urge(services[this.#nextRead++ % services.length]!);
    this.#unread -= count;
    if (this.#unread > 0) return;
    clearInterval(this.#sweep);
    this.#sweep = undefined;
    this.#sweptMs = performance.now();
  }

  #services(): readonly Entry[] {
    return [...this.#entries].filter(({ query }) => query.type === 'service');
  }

  #urgeAll(): void {
    for (const entry of this.#entries) this.#urge(entry);
  }

  #urge(entry: Entry, index = 0): void {
    // Before that, everything is about to be read anyway.
    if (this.#waiting.size === 0) this.#deps.due.urge(entry, index);
  }
}

/** Keys whose values differ between two maps. */
function differences(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string[] {
  const changed: string[] = [];
  for (const [key, value] of after) if (before.get(key) !== value) changed.push(key);
  for (const key of before.keys()) if (!after.has(key)) changed.push(key);
  return changed;
}
