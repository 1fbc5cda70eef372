import {
  DockerError,
  type ContainerEvent,
  type ContainerPort,
  type ContainerSnapshot,
  type ContainerSource,
  type EngineInfo,
  type ListedContainer,
} from './docker.ts';

/** A container with what a test does not care about filled in: running, on the default bridge, no ports. */
export function container(name: string, parts: Partial<ContainerSnapshot> = {}): ContainerSnapshot {
  return {
    id: idOf(name),
    name,
    image: 'registry.local:5000/team/web:1.2',
    state: 'running',
    health: 'none',
    healthOutput: '',
    networkMode: 'default',
    networks: [{ name: 'bridge', id: 'b'.repeat(64), ipv4: '172.17.0.2', ipv6: '', gatewayPriority: 0 }],
    ports: [],
    env: [],
    labels: {},
    hostname: name,
    stopSignal: 'SIGTERM',
    exitCode: 0,
    startedAt: '2026-01-02T03:04:05.000000006Z',
    ...parts,
  };
}

/** 64 hexadecimal digits made from a name. */
export function idOf(name: string): string {
  return Buffer.from(name).toString('hex').padEnd(64, '0').slice(0, 64);
}

/** A port published on both families, or (hostPort 0) only exposed. */
export function port(
  number: number,
  hostPort = 0,
  protocol: ContainerPort['protocol'] = 'tcp',
  hostIp = '0.0.0.0',
): ContainerPort {
  if (hostPort === 0) return { port: number, protocol, bindings: [] };
  const second = hostIp === '0.0.0.0' ? [{ hostIp: '::', hostPort }] : [];
  return { port: number, protocol, bindings: [{ hostIp, hostPort }, ...second] };
}

type Listener = { readonly onEvent: (event: ContainerEvent) => void; readonly end: (error: Error) => void };

/**
 * An engine that does what a test says: containers change by hand, each change sends the events that Docker sends, and
 * it can go away, come back, lose events, and hang in inspects.
 */
export class ScriptedEngine implements ContainerSource {
  readonly endpoint = 'unix:///run/scripted.sock';
  readonly #containers = new Map<string, ContainerSnapshot>();
  readonly #listeners = new Set<Listener>();
  readonly #hanging = new Map<string, (() => void)[]>();
  #timeMs = Date.parse('2026-01-02T03:04:05Z');
  #isAway = false;
  isSilent = false;
  inspects = 0;
  lists = 0;
  /** Thrown by the next inspects, by name of the container. */
  readonly failing = new Map<string, Error>();

  // ---- what a test does ----

  start(snapshot: ContainerSnapshot): void {
    this.#timeMs += 10;
    const startedAt = new Date(this.#timeMs).toISOString();
    this.#containers.set(snapshot.id, { ...snapshot, state: 'running', startedAt });
    this.#emit(snapshot.id, 'connect', 'start');
  }

  stop(name: string): void {
    this.#die(name, 'exited');
  }

  remove(name: string): void {
    this.#die(name, 'removing');
    this.#containers.delete(idOf(name));
    this.#emit(idOf(name), 'destroy');
  }

  /** Changes a running container and sends `action`. */
  change(name: string, action: string, parts: Partial<ContainerSnapshot>): void {
    this.#put(name, parts);
    this.#emit(idOf(name), action);
  }

  /** Inspects of this container wait until `release`. */
  hang(name: string): void {
    this.#hanging.set(idOf(name), []);
  }

  release(name: string): void {
    const waiting = this.#hanging.get(idOf(name)) ?? [];
    this.#hanging.delete(idOf(name));
    for (const wake of waiting) wake();
  }

  goAway(): void {
    this.#isAway = true;
    for (const { end } of this.#listeners) end(new DockerError('absent', 'the engine went away'));
    this.#listeners.clear();
  }

  comeBack(): void {
    this.#isAway = false;
  }

  /** Sends an event as it is. */
  emit(event: ContainerEvent): void {
    for (const { onEvent } of this.#listeners) onEvent(event);
  }

  get nowMs(): number {
    return this.#timeMs;
  }

  // ---- ContainerSource ----

  async info(signal: AbortSignal): Promise<EngineInfo> {
    this.#check(signal);
    return { id: 'SCRIPTED', name: 'scripted', apiVersion: '1.41' };
  }

  async subscribe(
    onEvent: (event: ContainerEvent) => void,
    signal: AbortSignal,
  ): Promise<{ readonly ended: Promise<Error> }> {
    this.#check(signal);
    const ended = new Promise<Error>((end) => {
      const listener = { onEvent, end };
      this.#listeners.add(listener);
      signal.addEventListener('abort', () => {
        this.#listeners.delete(listener);
        end(new DockerError('absent', 'stopped'));
      });
    });
    return { ended };
  }

  async list(signal: AbortSignal): Promise<readonly ListedContainer[]> {
    this.#check(signal);
    this.lists++;
    return [...this.#containers.values()]
      .filter(({ state }) => state === 'running' || state === 'paused' || state === 'restarting')
      .map((one) => ({
        id: one.id,
        fingerprint: JSON.stringify([one.name, one.state, one.ports, one.networks, one.health]),
      }));
  }

  async inspect(id: string, signal: AbortSignal): Promise<ContainerSnapshot | undefined> {
    this.#check(signal);
    this.inspects++;
    const failure = this.failing.get(this.#containers.get(id)?.name ?? '');
    if (failure !== undefined) throw failure;
    const seen = this.#containers.get(id);
    const waiting = this.#hanging.get(id);
    if (waiting !== undefined) await new Promise<void>((resolve) => waiting.push(resolve));
    this.#check(signal);
    return seen;
  }

  async close(): Promise<void> {
    this.goAway();
  }

  // ---- inside ----

  #die(name: string, state: ContainerSnapshot['state']): void {
    this.#timeMs += 10;
    this.#put(name, { state, ports: [], networks: [] });
    this.#emit(idOf(name), 'die', 'disconnect');
  }

  #put(name: string, parts: Partial<ContainerSnapshot>): void {
    const known = this.#containers.get(idOf(name));
    if (known === undefined) throw new Error(`no container ${name}`);
    this.#containers.set(known.id, { ...known, ...parts });
  }

  #emit(containerId: string, ...actions: readonly string[]): void {
    if (this.isSilent) return;
    for (const action of actions)
      this.emit({ containerId, action, timeMs: this.#timeMs + 0.5, attributes: {} });
  }

  #check(signal: AbortSignal): void {
    signal.throwIfAborted();
    if (this.#isAway) throw new DockerError('absent', 'no engine');
  }
}
