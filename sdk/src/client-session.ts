import { ClientError } from './errors.ts';
import type { Answer, ReadOptions, RequestOptions, Transport } from './transport.ts';
import { paths, type SessionDefinition, type SessionEntry } from './wire/mod.ts';

/** Sessions: who holds locks, and for how long. */
export class SessionClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The new session's id. */
  async create(definition: SessionDefinition = {}, options?: RequestOptions): Promise<string> {
    const text = await this.#transport.write('PUT', paths.sessionCreate, [], definition, options);
    return (JSON.parse(text) as { readonly ID: string }).ID;
  }

  /** True also when there was no such session. */
  async destroy(id: string, options?: RequestOptions): Promise<boolean> {
    const path = paths.sessionDestroy + encodeURIComponent(id);
    return (await this.#transport.write('PUT', path, [], undefined, options)).trim() === 'true';
  }

  /** Gives a session with a TTL its full time again; undefined when it is gone: make a new one. */
  async renew(id: string, options?: RequestOptions): Promise<SessionEntry | undefined> {
    const path = paths.sessionRenew + encodeURIComponent(id);
    try {
      const text = await this.#transport.write('PUT', path, [], undefined, options);
      return (JSON.parse(text) as readonly SessionEntry[])[0];
    } catch (error) {
      if (error instanceof ClientError && error.status === 404) return undefined;
      throw error;
    }
  }

  /** data is undefined when there is no such session. */
  async info(id: string, options?: ReadOptions): Promise<Answer<SessionEntry | undefined>> {
    const answer = await this.#read(paths.sessionInfo + encodeURIComponent(id), options);
    return { ...answer, data: answer.data[0] };
  }

  node(name: string, options?: ReadOptions): Promise<Answer<readonly SessionEntry[]>> {
    return this.#read(paths.sessionNode + encodeURIComponent(name), options);
  }

  list(options?: ReadOptions): Promise<Answer<readonly SessionEntry[]>> {
    return this.#read(paths.sessionList, options);
  }

  async #read(path: string, options?: ReadOptions): Promise<Answer<readonly SessionEntry[]>> {
    const answer = await this.#transport.read<readonly SessionEntry[]>(path, [], options);
    return { ...answer, data: answer.data ?? [] };
  }
}
