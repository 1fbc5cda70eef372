/**
 * Changes of a place's catalog, from three blocking queries: the lists of services, nodes and checks.
 *
 * In: the lists' answers. Out: queries that are due. A check that changed names its service. A list of services whose
 * index moved while its names and tags stayed hides what changed: then it is either a check that changed at the same index, or
 * all are read. What is named need not be all: of changes that came together only the newest has its index in the list, and
 * one index may be of several; so all are looked at once more soon.
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
/** What nothing names is looked for so long after the first of a row of changes; when many are read for it, not so often. */
const verifyMs = 200;
const verifyRestMsEach = 10;
/** Indexes of checks that are remembered. */
const mostExplained = 1000;
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
  /** Indexes at which checks have changed, the newest last. */
  readonly #explained = new Set<number>();
  /** Until when the moves of the list of services that are not explained yet may take. */
  #giveUpMs: number | undefined;
  #explain: NodeJS.Timeout | undefined;
  #verify: NodeJS.Timeout | undefined;
  #verifiedMs = Number.NEGATIVE_INFINITY;
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
      clearTimeout(this.#verify);
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
      (a) => this.#sawServices(a),
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
    saw: (answer: A) => void,
  ): void {
    const poll = {
      read,
      index: () => this.#index[name],
      accept: (answer: A, wasAway: boolean) => {
        const known = this.#index[name];
        // An answer without an index cannot be waited beyond: it tells too little, too seldom.
        if (answer.index === 0) this.#blind.add(name);
        else this.#blind.delete(name);
        this.#index[name] = answer.index < known ? 0 : answer.index;
        // Restored or restarted: nothing that was known of it holds.
        if (answer.index < known || wasAway) this.#startOver();
        if (answer.index !== known || wasAway) saw(answer);
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

  #startOver(): void {
    for (const entry of this.#entries) entry.doubt();
    this.#urgeAll();
  }

  #sawServices(answer: Reply<readonly CatalogSnippet[]>): void {
    const tags = new Map(answer.data.map((one) => [one.name, one.tags.join('\0')]));
    const changed = differences(this.#tags, tags);
    this.#tags = tags;
    for (const entry of this.#entries) {
      if (entry.query.type === 'services') entry.accept(answer);
      else if (entry.query.type === 'node') this.#urge(entry);
    }
    for (const name of changed) this.#urgeService(name);
    if (changed.length > 0) this.#urgeConnect();
    this.#explainLater(answer.index, changed.length > 0);
  }

  #explainLater(to: number, isNamed: boolean): void {
    const now = performance.now();
    this.#giveUpMs ??= now + mostExplainMs;
    clearTimeout(this.#explain);
    const explain = (): void => {
      this.#giveUpMs = undefined;
      if (isNamed || this.#explained.has(to)) this.#verifySoon();
      else if (this.#isFoundByNode()) this.#findChanges(to);
      else this.#urgeServices();
    };
    this.#explain = setTimeout(explain, Math.min(explainMs, this.#giveUpMs - now));
  }

  #verifySoon(): void {
    const restMs = this.#isFoundByNode() ? 0 : verifyRestMsEach * this.#byService.size;
    const delayMs = Math.max(verifyMs, this.#verifiedMs + restMs - performance.now());
    this.#verify ??= setTimeout(() => {
      this.#verify = undefined;
      this.#verifiedMs = performance.now();
      if (this.#isFoundByNode()) this.#findChanges(this.#index.services);
      else for (const entry of this.#services()) this.#deps.due.add(entry);
    }, delayMs);
  }

  #isFoundByNode(): boolean {
    const { size } = this.#nodes;
    return size > 0 && size * servicesForNode <= this.#byService.size;
  }

  /** Something has changed in some service, the last time at index `to`. */
  #findChanges(to: number): void {
    if (this.#isFinding) {
      this.#findAgain = to;
      return;
    }
    this.#isFinding = true;
    void this.#stamps.read([...this.#nodes.keys()], this.#deps.signal).then((index) => {
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

  #sawNodes(answer: Reply<readonly NodeRecord[]>): void {
    const nodes = new Map(answer.data.map((record) => [record.node, JSON.stringify(record)]));
    const changed = new Set(differences(this.#nodes, nodes));
    this.#nodes = nodes;
    for (const entry of this.#entries) {
      const { query } = entry;
      if (query.type === 'nodes') {
        if (query.near === '') entry.accept(answer);
        else this.#urge(entry);
      } else if (query.type === 'node' && (query.name === '' || changed.has(query.name))) this.#urge(entry);
    }
    // Instances carry their node's address and meta; and what runs on a new one could not be found by it yet.
    if (changed.size > 0) this.#urgeServices();
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
    if (changed.length === 0) return;
    this.#rememberIndexes([answer.index, ...changed.map(({ stamp }) => stamp)]);
    for (const { service, stamp } of changed) {
      if (service !== '') this.#urgeService(service, typeof stamp === 'number' ? stamp : 0);
    }
    // A check of a node counts for all that runs there, also for what was filtered out of the answers.
    if (changed.some(({ service }) => service === '')) this.#urgeServices();
    this.#urgeConnect();
  }

  #rememberIndexes(stamps: readonly (number | string)[]): void {
    for (const stamp of stamps) if (typeof stamp === 'number') this.#explained.add(stamp);
    for (const index of this.#explained) {
      if (this.#explained.size <= mostExplained) return;
      this.#explained.delete(index);
    }
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
