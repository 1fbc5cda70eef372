import { Metadata } from '@grpc/grpc-js';

import { CallFailure } from './failure.ts';
import type { CallLimits, Endpoint } from './endpoint.ts';
import { encodeCredentials, methods } from './messages.ts';

/** What goes with every request: that a leader is wanted, and the token that a user was given. */
export class Token {
  readonly #user: string;
  readonly #password: string;
  readonly #plain: Metadata;
  #metadata: Metadata | undefined;
  #asking: Promise<Metadata> | undefined;

  constructor(options: { readonly user: string; readonly password: string }) {
    this.#user = options.user;
    this.#password = options.password;
    this.#plain = withLeader();
    if (options.user === '') this.#metadata = this.#plain;
  }

  /** Asks the endpoint for a token where one is needed; callers share one question. Rejects with CallFailure. */
  async metadata(endpoint: Endpoint, limits: CallLimits): Promise<Metadata> {
    if (this.#metadata !== undefined) return this.#metadata;
    this.#asking ??= this.#ask(endpoint, limits).finally(() => (this.#asking = undefined));
    return this.#asking;
  }

  /** Forgets a token that etcd refused, unless there is a newer one. False when there is none to be renewed. */
  expire(metadata: Metadata): boolean {
    if (this.#user === '') return false;
    if (this.#metadata === metadata) this.#metadata = undefined;
    return true;
  }

  async #ask(endpoint: Endpoint, limits: CallLimits): Promise<Metadata> {
    try {
      const request = encodeCredentials(this.#user, this.#password);
      const { token } = await endpoint.call(methods.authenticate, request, this.#plain, limits);
      const metadata = withLeader();
      metadata.set('token', token);
      this.#metadata = metadata;
    } catch (error) {
      // A user is configured, but this etcd asks nobody who he is.
      if (!(error instanceof CallFailure) || !error.message.includes('authentication is not enabled')) {
        // Asking for a token changes nothing: the request itself was not sent.
        if (error instanceof CallFailure && error.kind === 'lost')
          throw new CallFailure('unsent', error.message);
        throw error;
      }
      this.#metadata = this.#plain;
    }
    return this.#metadata;
  }
}

// A server that lost its leader then refuses at once instead of keeping the request.
function withLeader(): Metadata {
  const metadata = new Metadata();
  metadata.set('hasleader', 'true');
  return metadata;
}
