import { ClientError } from './errors.ts';
import type { Answer, ReadOptions, RequestOptions, Transport } from './transport.ts';
import { encodeKey, parameters, paths } from './wire/mod.ts';

/** A row with its value decoded. */
export interface KvEntry {
  readonly key: string;
  readonly value: Uint8Array;
  readonly flags: bigint;
  readonly lockIndex: number;
  /** '' = not locked. */
  readonly session: string;
  readonly createIndex: number;
  readonly modifyIndex: number;
}

export interface KvWriteOptions extends RequestOptions {
  readonly flags?: bigint;
  /** Only if the row's modifyIndex is this; 0 = only if there is no row. */
  readonly cas?: number;
}

export interface KvLockOptions extends RequestOptions {
  readonly flags?: bigint;
}

/** The key-value store. */
export class KvClient {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** data is undefined when there is no such key. */
  async get(key: string, options?: ReadOptions): Promise<Answer<KvEntry | undefined>> {
    const answer = await this.#rows(key, [], options);
    return { ...answer, data: answer.data[0] };
  }

  /** All rows whose key begins with `prefix`, in the order of the keys' bytes. */
  list(prefix: string, options?: ReadOptions): Promise<Answer<readonly KvEntry[]>> {
    return this.#rows(prefix, [[parameters.recurse, '']], options);
  }

  /** Keys that begin with `prefix`, each cut after the first `separator` that follows it. */
  async keys(prefix: string, separator = '', options?: ReadOptions): Promise<Answer<readonly string[]>> {
    const query = [
      [parameters.keys, ''],
      [parameters.separator, separator === '' ? undefined : separator],
    ] as const;
    const path = `${paths.kv}${encodeKey(prefix)}`;
    const answer = await this.#transport.read<readonly string[]>(path, query, options, true);
    return { ...answer, data: answer.data ?? [] };
  }

  /** False when `cas` did not hold. */
  async put(key: string, value: string | Uint8Array, options: KvWriteOptions = {}): Promise<boolean> {
    const query = [
      [parameters.flags, options.flags?.toString()],
      [parameters.cas, options.cas],
    ] as const;
    return (await this.#transport.write('PUT', this.#path(key), query, value, options)).trim() === 'true';
  }

  /**
   * Writes the value and takes the key's lock for the session, or keeps it. False when another session holds it, or
   * while the lock delay of a session that ended lasts.
   */
  acquire(
    key: string,
    value: string | Uint8Array,
    session: string,
    options: KvLockOptions = {},
  ): Promise<boolean> {
    return this.#lock(key, value, [parameters.acquire, session], options);
  }

  /** Writes the value and gives the lock back. False when the session does not hold it. */
  release(
    key: string,
    value: string | Uint8Array,
    session: string,
    options: KvLockOptions = {},
  ): Promise<boolean> {
    return this.#lock(key, value, [parameters.release, session], options);
  }

  /** True also when there was nothing to delete; false when `cas` did not hold. */
  async delete(key: string, options: RequestOptions & { cas?: number } = {}): Promise<boolean> {
    const query = [[parameters.cas, options.cas]] as const;
    return (
      (await this.#transport.write('DELETE', this.#path(key), query, undefined, options)).trim() === 'true'
    );
  }

  /** Deletes every key that begins with `prefix`; '' means all. */
  async deleteTree(prefix: string, options?: RequestOptions): Promise<void> {
    const path = `${paths.kv}${encodeKey(prefix)}`;
    await this.#transport.write('DELETE', path, [[parameters.recurse, '']], undefined, options);
  }

  async #lock(
    key: string,
    value: string | Uint8Array,
    how: readonly [string, string],
    options: KvLockOptions,
  ): Promise<boolean> {
    const query = [[parameters.flags, options.flags?.toString()], how] as const;
    return (await this.#transport.write('PUT', this.#path(key), query, value, options)).trim() === 'true';
  }

  async #rows(
    key: string,
    query: readonly (readonly [string, string])[],
    options: ReadOptions = {},
  ): Promise<Answer<readonly KvEntry[]>> {
    const path = query.length === 0 ? this.#path(key) : `${paths.kv}${encodeKey(key)}`;
    const answer = await this.#transport.read<readonly RawRow[]>(
      path,
      query,
      options,
      true,
      parseBigIntegers,
    );
    return { ...answer, data: (answer.data ?? []).map(entry) };
  }

  #path(key: string): string {
    const path = encodeKey(key);
    if (path === '') throw new ClientError('invalid', 'Missing key name');
    return `${paths.kv}${path}`;
  }
}

interface RawRow {
  readonly LockIndex: number;
  readonly Key: string;
  readonly Flags: number | string;
  readonly Value: string | null;
  readonly Session?: string;
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** JSON whose integers of 16 digits and more become strings, so that none is rounded. */
function parseBigIntegers(text: string): unknown {
  const quoted = text.replace(/"(?:[^"\\]|\\.)*"|\d{16,}/g, (token) =>
    token.startsWith('"') ? token : `"${token}"`,
  );
  return JSON.parse(quoted);
}

function entry(row: RawRow): KvEntry {
  return {
    key: row.Key,
    value: row.Value === null ? new Uint8Array() : decodeBase64(row.Value),
    flags: BigInt(row.Flags),
    lockIndex: Number(row.LockIndex),
    session: row.Session ?? '',
    createIndex: Number(row.CreateIndex),
    modifyIndex: Number(row.ModifyIndex),
  };
}

function decodeBase64(text: string): Uint8Array {
  return Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
}
