import { Client, Pool, type Dispatcher } from 'undici';
import { systemClock, type Clock } from '../lib/clock.ts';
import { pause } from '../lib/pause.ts';
import {
  DockerError,
  type ContainerEvent,
  type ContainerSnapshot,
  type ContainerSource,
  type EngineInfo,
  type ListedContainer,
} from './docker.ts';
import { decodeInspect, decodeList } from './engine-decode.ts';
import { answerError, toDockerError } from './engine-errors.ts';
import { eventQuery, readEvents } from './engine-events.ts';
import type { EngineHost } from './engine-host.ts';

/**
 * ContainerSource over the Docker Engine API: _ping, info, events, containers/json, containers/<id>/json.
 *
 * Invariant: the newest API version that both sides know is spoken, since no single one works on all engines (Engine
 * 29 begins at 1.44, Docker 20.10 ends at 1.41).
 */

export interface EngineOptions {
  readonly host: EngineHost;
  /** Speak this API version and negotiate nothing (DOCKER_API_VERSION); '' = negotiate. */
  readonly apiVersion?: string;
  /** Inspect waits for the container's lock and may hang for ever on a sick one (moby #18848). Default 5,000. */
  readonly inspectTimeoutMs?: number;
  /** For every other call. Default 10,000. */
  readonly timeoutMs?: number;
  /** Pause between pings that prove a silent event stream alive; two missed ones end it. Default 10,000. */
  readonly pingMs?: number;
}

/** Requests at once, besides the event stream. */
const connections = 8;
const newestApi = '1.52';
interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

export class DockerEngine implements ContainerSource {
  readonly endpoint: string;
  readonly #host: EngineHost;
  readonly #options: Required<Omit<EngineOptions, 'host'>>;
  readonly #clock: Clock;
  readonly #pool: Pool;
  /** '' until negotiated, then '/v1.41'. */
  #prefix = '';
  #isPodman = false;
  /** The daemon's clock as of the last info(), `seconds.nanoseconds`. */
  #systemTime = '';

  constructor(options: EngineOptions, deps: { readonly clock?: Clock } = {}) {
    const { host, apiVersion = '', inspectTimeoutMs = 5000, timeoutMs = 10_000, pingMs = 10_000 } = options;
    this.endpoint = host.endpoint;
    this.#host = host;
    this.#options = { apiVersion, inspectTimeoutMs, timeoutMs, pingMs };
    this.#clock = deps.clock ?? systemClock;
    this.#pool = new Pool(host.origin, { connections, ...connectOptions(host, timeoutMs) });
  }

  async info(signal: AbortSignal): Promise<EngineInfo> {
    await this.#negotiate(signal);
    const json = (await this.#json('/info', this.#options.timeoutMs, signal)) as Record<
      string,
      unknown
    > | null;
    if (typeof json?.['ID'] !== 'string')
      throw new DockerError('protocol', `${this.endpoint} is no Docker engine`);
    this.#systemTime = epochSeconds(String(json['SystemTime'] ?? ''));
    return { id: json['ID'], name: String(json['Name'] ?? ''), apiVersion: this.#prefix.slice(2) };
  }

  async subscribe(
    onEvent: (event: ContainerEvent) => void,
    signal: AbortSignal,
  ): Promise<{ readonly ended: Promise<Error> }> {
    // A connection of its own: a stream in the pool would hold up the requests behind it.
    const client = new Client(this.#host.origin, connectOptions(this.#host, this.#options.timeoutMs));
    const stop = new AbortController();
    const path = `${this.#prefix}/events?${eventQuery(this.#systemTime, this.#isPodman)}`;
    try {
      const answer = await client.request({
        method: 'GET',
        path,
        signal: AbortSignal.any([signal, stop.signal]),
        headersTimeout: this.#options.timeoutMs,
        bodyTimeout: 0,
      });
      if (answer.statusCode !== 200)
        throw answerError(path, answer.statusCode, await answer.body.text(), this.#host);
      const ended = this.#ended(answer.body, onEvent, stop);
      void ended.then(() => client.destroy());
      return { ended };
    } catch (error) {
      await client.destroy();
      throw this.#error(error, signal);
    }
  }

  async list(signal: AbortSignal): Promise<readonly ListedContainer[]> {
    return decodeList(await this.#json('/containers/json', this.#options.timeoutMs, signal));
  }

  async inspect(id: string, signal: AbortSignal): Promise<ContainerSnapshot | undefined> {
    const path = `/containers/${encodeURIComponent(id)}/json`;
    const json = await this.#json(path, this.#options.inspectTimeoutMs, signal);
    return json === undefined ? undefined : decodeInspect(json);
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  async #negotiate(signal: AbortSignal): Promise<void> {
    const { status, headers, body } = await this.#get('/_ping', this.#options.timeoutMs, signal);
    if (status !== 200) throw answerError('/_ping', status, body, this.#host);
    const theirs = String(headers['api-version'] ?? '');
    if (!/^\d+\.\d+$/.test(theirs)) {
      throw new DockerError('protocol', `${this.endpoint} does not answer as Docker does: no Api-Version`);
    }
    this.#isPodman = headers['libpod-api-version'] !== undefined;
    this.#prefix = `/v${this.#options.apiVersion || olderApi(theirs, newestApi)}`;
  }

  /** The end of the stream, or of the engine behind a stream that stays silent. */
  async #ended(
    body: Dispatcher.ResponseData['body'],
    onEvent: (event: ContainerEvent) => void,
    stop: AbortController,
  ): Promise<Error> {
    const error = await Promise.race([readEvents(body, onEvent, this.#host), this.#watch(stop.signal)]);
    stop.abort();
    return error;
  }

  /** The stream is silent when nothing happens: only pings tell a quiet engine from one that hangs or is cut off. */
  async #watch(signal: AbortSignal): Promise<Error> {
    for (let missed = 0; ; ) {
      await pause(this.#clock, this.#options.pingMs, signal);
      try {
        await this.#get('/_ping', this.#options.timeoutMs / 2, signal);
        missed = 0;
      } catch (error) {
        if (signal.aborted || ++missed === 2) return toDockerError(error, this.#host);
      }
    }
  }

  /** undefined for 404. */
  async #json(path: string, timeoutMs: number, signal: AbortSignal): Promise<unknown> {
    const { status, body } = await this.#get(this.#prefix + path, timeoutMs, signal);
    if (status === 404) return undefined;
    if (status !== 200) throw answerError(path, status, body, this.#host);
    try {
      return JSON.parse(body);
    } catch (cause) {
      throw new DockerError('protocol', `Docker at ${this.endpoint} answered ${path} with no JSON`, {
        cause,
      });
    }
  }

  async #get(path: string, timeoutMs: number, signal: AbortSignal): Promise<Answer> {
    const limits = { headersTimeout: timeoutMs, bodyTimeout: timeoutMs };
    try {
      const { statusCode, headers, body } = await this.#pool.request({
        method: 'GET',
        path,
        signal,
        ...limits,
      });
      return { status: statusCode, headers, body: await body.text() };
    } catch (error) {
      throw this.#error(error, signal);
    }
  }

  #error(error: unknown, signal: AbortSignal): unknown {
    return signal.aborted ? error : toDockerError(error, this.#host);
  }
}

function connectOptions(host: EngineHost, timeout: number): Pool.Options {
  if (host.socketPath !== '') return { connect: { socketPath: host.socketPath, timeout } };
  const { tls } = host;
  const keepAlive = { timeout, keepAlive: true, keepAliveInitialDelay: 30_000 };
  if (tls === undefined) return { connect: keepAlive };
  const { ca, cert, key, verify } = tls;
  const files = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
  return { connect: { ...keepAlive, ...files, rejectUnauthorized: verify } };
}

function olderApi(a: string, b: string): string {
  const [aMajor = 0, aMinor = 0] = a.split('.').map(Number);
  const [bMajor = 0, bMinor = 0] = b.split('.').map(Number);
  return aMajor < bMajor || (aMajor === bMajor && aMinor <= bMinor) ? a : b;
}

/** RFC 3339 -> `seconds.nanoseconds` as `since` wants it; '' for what is no time. */
function epochSeconds(time: string): string {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) return '';
  const fraction = /\.(\d{1,9})/.exec(time)?.[1] ?? '0';
  return `${Math.floor(ms / 1000)}.${fraction.padEnd(9, '0')}`;
}
