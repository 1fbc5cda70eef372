import {
  DockerError,
  type ContainerEvent,
  type ContainerSnapshot,
  type ContainerSource,
} from '../docker/docker.ts';
import { Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { pause } from '../lib/pause.ts';
import type { Applier } from './applier.ts';
import { timeMs, type Containers } from './containers.ts';
import { Inspector } from './inspector.ts';
import type { RegistrarOptions } from './options.ts';
import { Session } from './session.ts';
import type { RegistrarStats } from './stats.ts';

/**
 * Keeps Containers true to Docker: subscribe, list, inspect; then look at each container that an event names.
 *
 * Invariants: an event acts at once and only says where to look; a container that died is gone without asking Docker,
 * whose inspect may wait for the container's lock; when the stream ends everything stays as it was known.
 */
export interface FollowerDeps {
  readonly source: ContainerSource;
  readonly containers: Containers;
  readonly applier: Applier;
  readonly log: Logger;
  readonly clock: Clock;
  readonly stats: RegistrarStats;
  /** The first complete list was taken in, or Docker was never there for absentMs. */
  readonly onReady: () => void;
}

const reconnect = { minMs: 200, maxMs: 10_000 };
/** To look for a daemon behind a socket of this host costs next to nothing, and its return is noticed at once. */
const reconnectLocal = { minMs: 100, maxMs: 250 };
/** At the start all inspects become one apply, unless one of them hangs. */
const batchMs = 250;
/** After a die a list tells whether something started unseen. */
const recheckMs = 1000;
/** Deaths are remembered for reads that began before them. */
const deathMemoryMs = 60_000;

export class Follower {
  readonly #options: RegistrarOptions;
  readonly #deps: FollowerDeps;
  readonly #fingerprints = new Map<string, string>();
  /** Container id -> the engine's time of its last die, and ours. */
  readonly #deaths = new Map<string, { readonly diedMs: number; readonly seenMs: number }>();
  #session: Session | undefined;
  /** Ids that a list named and nothing is known of yet; undefined before the first complete list. */
  #unseen: Set<string> | undefined;
  #isReported = false;

  constructor(options: RegistrarOptions, deps: FollowerDeps) {
    this.#options = options;
    this.#deps = deps;
  }

  /** Nobody knows what became of a container before a complete list, nor while it waits to be inspected. */
  mayRemove(containerId: string): boolean {
    return this.#unseen !== undefined && !this.#unseen.has(containerId);
  }

  async run(signal: AbortSignal): Promise<void> {
    const { clock, applier, source, stats, onReady } = this.#deps;
    const backoff = new Backoff(reconnect);
    const localBackoff = new Backoff(reconnectLocal);
    const absent = clock.after(this.#options.absentMs, onReady);
    let grace = this.#startGrace();
    while (!signal.aborted) {
      const session = new Session(signal);
      let next = backoff;
      try {
        const { ended } = await this.#connect(session);
        absent.cancel();
        grace.cancel();
        applier.setAway('');
        onReady();
        backoff.reset();
        localBackoff.reset();
        this.#isReported = false;
        throw await Promise.race([ended, session.over]);
      } catch (error) {
        if (stats.connected) grace = this.#startGrace();
        stats.connected = false;
        this.#session = undefined;
        session.end();
        if (isAbsent(error) && source.endpoint.startsWith('unix:')) next = localBackoff;
        if (!signal.aborted) this.#report(error);
      }
      await pause(clock, next.nextMs(), signal);
    }
    absent.cancel();
    grace.cancel();
  }

  /** Lists again and makes good what no event told. Does nothing while Docker is away; a list that fails is left. */
  async relist(): Promise<void> {
    const session = this.#session;
    if (session === undefined || !this.#deps.stats.connected) return;
    try {
      await this.#list(session, false);
      await session.inspector.idle();
    } catch (error) {
      if (!session.signal.aborted) this.#deps.log.debug({ err: error }, 'list failed');
    }
  }

  /** Resolves when every container was looked at once; `ended` is the event stream's end. */
  async #connect(session: Session): Promise<{ readonly ended: Promise<Error> }> {
    const { source, log, applier, clock, stats, containers } = this.#deps;
    const info = await source.info(session.signal);
    session.inspector = this.#openInspector(session);
    this.#session = session;
    const { ended } = await source.subscribe((event) => this.#onEvent(event, session), session.signal);
    // A stream that ends while we list ends the listing too.
    void ended.then(() => session.end());
    applier.hold(true);
    try {
      await this.#list(session, true);
      const isEnough = new AbortController();
      const limit = pause(clock, batchMs, AbortSignal.any([session.signal, isEnough.signal]));
      await Promise.race([session.inspector.idle(), limit]);
      isEnough.abort();
    } finally {
      applier.hold(false);
    }
    await session.inspector.idle();
    if (session.signal.aborted) throw await Promise.race([ended, session.over]);
    // Services of a former life may be of containers that want none now.
    applier.touchAll();
    stats.connects++;
    stats.connected = true;
    log.info(
      { endpoint: source.endpoint, api: info.apiVersion, containers: containers.size },
      'following Docker',
    );
    return { ended };
  }

  #openInspector(session: Session): Inspector {
    const { source, clock, log, stats } = this.#deps;
    return new Inspector(
      { parallel: this.#options.parallelInspects },
      {
        clock,
        inspect: (id) => {
          stats.inspects++;
          return source.inspect(id, session.signal);
        },
        onSnapshot: (id, snapshot) => this.#onSnapshot(id, snapshot),
        onError: (id, error, isFirst) => {
          if (session.signal.aborted) return;
          stats.inspectErrors++;
          if (isFirst)
            log.warn({ container: id.slice(0, 12), err: error }, 'container not read; trying again');
        },
      },
    );
  }

  /** Takes a complete list: what it does not name is gone, what is new or looks different is inspected. */
  async #list(session: Session, isFirst: boolean): Promise<void> {
    const { source, containers, stats, applier } = this.#deps;
    session.started = new Set();
    const listed = await source.list(session.signal);
    stats.lists++;
    const ids = new Set(listed.map(({ id }) => id));
    this.#unseen = new Set([...ids].filter((id) => !containers.has(id)));
    for (const id of containers.ids()) {
      if (ids.has(id) || session.started.has(id)) continue;
      if (!isFirst) stats.drift++;
      this.#remove(id, session);
    }
    for (const { id, fingerprint } of listed) {
      const isChanged = this.#fingerprints.get(id) !== fingerprint;
      this.#fingerprints.set(id, fingerprint);
      if (isFirst || isChanged || !containers.has(id)) session.inspector.look(id);
    }
    for (const id of this.#fingerprints.keys()) if (!ids.has(id)) this.#fingerprints.delete(id);
    this.#forgetDeaths();
    // Services of containers that nobody lists may go now, without waiting for inspects.
    applier.touchAll();
  }

  /** Must return at once: the event socket waits. */
  #onEvent(event: ContainerEvent, session: Session): void {
    const { containerId: id, action } = event;
    const { inspector } = session;
    this.#deps.stats.events++;
    switch (action) {
      case 'start':
        session.started.add(id);
        inspector.look(id, true);
        break;
      case 'die':
        this.#onDie(event, session);
        break;
      case 'destroy':
        this.#remove(id, session);
        break;
      case 'pause':
      case 'unpause':
      case 'health_status':
        inspector.look(id);
        break;
      case 'connect':
      case 'disconnect':
      case 'rename':
      case 'update':
        // Of a container that isn't up they mean nothing; its start is still to come.
        if (this.#deps.containers.has(id) || inspector.isPending(id)) inspector.look(id);
        break;
      default:
    }
  }

  #onDie({ containerId: id, timeMs: diedMs }: ContainerEvent, session: Session): void {
    const { clock, containers } = this.#deps;
    this.#deaths.set(id, { diedMs, seenMs: clock.monotonicMs() });
    const known = containers.get(id);
    // A death from before the run that we know: the stream repeats what happened just before we subscribed.
    if (known !== undefined && timeMs(known.startedAt) > diedMs) return;
    this.#remove(id, session);
    if (session.isRechecking) return;
    session.isRechecking = true;
    clock.after(recheckMs, () => {
      session.isRechecking = false;
      void this.relist();
    });
  }

  #remove(id: string, session: Session): void {
    session.inspector.forget(id);
    this.#unseen?.delete(id);
    this.#deps.applier.touch(this.#deps.containers.remove(id));
  }

  #onSnapshot(id: string, snapshot: ContainerSnapshot | undefined): void {
    const { containers, applier, stats } = this.#deps;
    const isUp = snapshot !== undefined && (snapshot.state === 'running' || snapshot.state === 'paused');
    const isDead =
      snapshot !== undefined && (this.#deaths.get(id)?.diedMs ?? 0) >= timeMs(snapshot.startedAt);
    const isNew = this.#unseen?.delete(id) === true;
    const before = containers.problems(id);
    applier.touch(isUp && !isDead ? containers.put(snapshot) : containers.remove(id));
    if (isUp) this.#logProblems(snapshot, before);
    // Until now its services of a former life were left alone.
    if (isNew && stats.connected) applier.touchAll();
  }

  #logProblems({ id, name }: ContainerSnapshot, before: readonly string[]): void {
    for (const problem of this.#deps.containers.problems(id)) {
      if (!before.includes(problem)) this.#deps.log.warn({ container: name, problem }, 'container metadata');
    }
  }

  #forgetDeaths(): void {
    const oldest = this.#deps.clock.monotonicMs() - deathMemoryMs;
    for (const [id, { seenMs }] of this.#deaths) if (seenMs < oldest) this.#deaths.delete(id);
  }

  #startGrace(): { cancel(): void } {
    const { dockerGraceMs } = this.#options;
    const { clock, applier, source } = this.#deps;
    if (dockerGraceMs === 0) return { cancel: () => {} };
    return clock.after(dockerGraceMs, () => applier.setAway(`Docker at ${source.endpoint} is away`));
  }

  #report(error: unknown): void {
    if (this.#isReported) return;
    this.#isReported = true;
    const { source, log } = this.#deps;
    const message = isAbsent(error)
      ? 'Docker is away; waiting for it'
      : 'Docker does not answer as it should; trying again';
    log.warn({ endpoint: source.endpoint, err: error }, message);
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof DockerError && error.code === 'absent';
}
