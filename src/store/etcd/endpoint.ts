/**
 * One etcd server and the connection to it.
 *
 * In: encoded requests with a time limit. Out: answers, or CallFailure that tells whether the request may have been
 * carried out: nothing is sent before the connection stands.
 */
import {
  type ChannelCredentials,
  type ChannelOptions,
  Client,
  type ClientDuplexStream,
  connectivityState,
  Metadata,
  type ServiceError,
  status,
} from '@grpc/grpc-js';

import { CallFailure, failureOf } from './failure.ts';
import { emptyMessage, type Method, methods } from './messages.ts';

export interface EndpointOptions {
  /** `host:port`. */
  readonly address: string;
  readonly credentials: ChannelCredentials;
  /** The name that its certificate must bear; '' is the address's. */
  readonly serverName: string;
}

export interface CallLimits {
  /** For the connection, where there is none yet. */
  readonly connectMs: number;
  /** For all of it. */
  readonly limitMs: number;
}

/** A connection that is being made for so long is given up and begun anew: it may never come (grpc-node #2785). */
const connectingMs = 2000;

export class Endpoint {
  readonly address: string;
  /** Calls that failed one after another. */
  failures = 0;
  readonly #options: EndpointOptions;
  #client: Client;
  #connectingSinceMs: number | undefined;
  /** Why the last connection failed. */
  #reason = '';

  constructor(options: EndpointOptions) {
    this.address = options.address;
    this.#options = options;
    this.#client = openClient(options);
  }

  /** Begins to connect, so that a later call finds the connection. */
  warm(): void {
    this.#state();
  }

  /** Sends one request and waits for one answer. Rejects with CallFailure. */
  async call<Answer>(
    method: Method<Answer>,
    request: Buffer,
    metadata: Metadata,
    limits: CallLimits,
  ): Promise<Answer> {
    const deadlineMs = Date.now() + limits.limitMs;
    if (this.#state() !== connectivityState.READY) await this.#connected(Date.now() + limits.connectMs);
    try {
      return await new Promise<Answer>((resolve, reject) => {
        const options = { deadline: deadlineMs };
        const answered = (error: ServiceError | null, answer?: Answer): void => {
          if (error !== null) reject(error);
          else resolve(answer!);
        };
        withoutStack(() =>
          this.#client.makeUnaryRequest(
            method.path,
            asIs,
            method.decode,
            request,
            metadata,
            options,
            answered,
          ),
        );
      });
    } catch (error) {
      throw failureOf(error, true);
    }
  }

  /** Opens a stream in both directions; without `limitMs` it has no end. Rejects with CallFailure `unsent`. */
  async stream<Answer>(
    method: Method<Answer>,
    metadata: Metadata,
    limits: { readonly connectMs: number; readonly limitMs?: number },
  ): Promise<ClientDuplexStream<Buffer, Answer>> {
    await this.#connected(Date.now() + limits.connectMs);
    const options = limits.limitMs === undefined ? {} : { deadline: Date.now() + limits.limitMs };
    return this.#client.makeBidiStreamRequest(method.path, asIs, method.decode, metadata, options);
  }

  close(): void {
    this.#client.close();
  }

  // Nothing is sent on a channel that does not stand: it would wait there, and whether it went out could not be told.
  async #connected(deadlineMs: number): Promise<void> {
    // gRPC's own timers don't keep a process alive that waits for nothing else.
    const held = setTimeout(() => undefined, Math.max(0, deadlineMs - Date.now()) + 200);
    try {
      for (let state = this.#state(); state !== connectivityState.READY; state = this.#state()) {
        if (state === connectivityState.TRANSIENT_FAILURE)
          throw new CallFailure('unsent', await this.#trouble());
        await this.#change(state, deadlineMs);
      }
    } finally {
      clearTimeout(held);
    }
  }

  #change(state: connectivityState, deadlineMs: number): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#client.getChannel().watchConnectivityState(state, deadlineMs, (error) => {
        if (error === undefined) resolve();
        else reject(new CallFailure('unsent', this.#reason || `no connection to ${this.address} yet`));
      });
    });
  }

  // A channel tells why it has no connection only to a call.
  #trouble(): Promise<string> {
    return new Promise((resolve) => {
      const { path } = methods.status;
      const options = { deadline: Date.now() + 50 };
      this.#client.makeUnaryRequest(path, asIs, asIs, emptyMessage, new Metadata(), options, (error) => {
        const reason =
          error?.code === status.UNAVAILABLE ? error.details : `no connection to ${this.address} yet`;
        if (error?.code === status.UNAVAILABLE) this.#reason = plainReason(reason);
        resolve(this.#reason || reason);
      });
    });
  }

  #state(): connectivityState {
    const state = this.#client.getChannel().getConnectivityState(true);
    if (state !== connectivityState.CONNECTING) {
      this.#connectingSinceMs = undefined;
      return state;
    }
    const nowMs = performance.now();
    this.#connectingSinceMs ??= nowMs;
    if (nowMs - this.#connectingSinceMs < connectingMs) return state;
    this.#connectingSinceMs = undefined;
    this.#client.close();
    this.#client = openClient(this.#options);
    return this.#client.getChannel().getConnectivityState(true);
  }
}

/** gRPC notes the caller's stack with every call, for an error that nearly never comes and is another's then. */
function withoutStack(begin: () => void): void {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    begin();
  } finally {
    Error.stackTraceLimit = limit;
  }
}

// gRPC adds a date, and a note that is mostly empty.
function plainReason(details: string): string {
  return details
    .replace(/^No connection established\. Last error: (?:Error: )?/, '')
    .replace(/ \(\d{4}-[^)]*\)/, '')
    .replace(/\.? Resolution note: .*$/, '');
}

const asIs = (bytes: Buffer): Buffer => bytes;

function openClient({ address, credentials, serverName }: EndpointOptions): Client {
  const options: ChannelOptions = {
    // A stalled server is known after 8 s. etcd hangs up on who pings more often than every 5 s, or without a call.
    'grpc.keepalive_time_ms': 6000,
    'grpc.keepalive_timeout_ms': 2000,
    'grpc.keepalive_permit_without_calls': 0,
    'grpc.initial_reconnect_backoff_ms': 100,
    'grpc.max_reconnect_backoff_ms': 1000,
    // Else a channel that is begun anew would be given the old one's broken connection.
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
    'grpc.max_send_message_length': -1,
    // Whether a request may be sent again is decided by its meaning.
    'grpc.enable_retries': 0,
    'grpc.service_config_disable_resolution': 1,
    'grpc.enable_http_proxy': 0,
    ...(serverName === ''
      ? {}
      : { 'grpc.ssl_target_name_override': serverName, 'grpc.default_authority': serverName }),
  };
  return new Client(`dns:${address}`, credentials, options);
}
