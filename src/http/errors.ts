import { CatalogError, type CatalogErrorCode } from '../catalog/errors.ts';
import { FilterError } from '../catalog/filter.ts';
import { KvError, type KvErrorCode } from '../kv/kv.ts';
import { RegistryError, type RegistryErrorCode } from '../registry/errors.ts';

/** An answer that is not a success, as a handler throws it: the status and the text that the client sees. */
export class HttpError extends Error {
  readonly code = 'http';
  readonly status: number;
  /** More headers, flat. */
  readonly headers: readonly string[];

  constructor(status: number, message: string, headers: readonly string[] = []) {
    super(message);
    this.name = 'HttpError';
    this.status = status;
    this.headers = headers;
  }
}

export function badRequest(message: string): HttpError {
  return new HttpError(400, message);
}

/** Which status an error of each module below is answered with; its message is the text. */
export const statuses: {
  readonly catalog: Readonly<Record<CatalogErrorCode, number>>;
  readonly kv: Readonly<Record<KvErrorCode, number>>;
  readonly registry: Readonly<Record<RegistryErrorCode, number>>;
  /** Consul answers a filter that it can't parse as a fault of its own. */
  readonly filter: number;
} = {
  catalog: { invalid: 500, unknown: 500, unavailable: 500, fenced: 500 },
  kv: { unknown: 500, unavailable: 500, 'too-large': 413, session: 500, invalid: 500, refused: 500 },
  registry: {
    invalid: 400,
    'tagged-address': 500,
    'no-such-service': 500,
    'unknown-service': 404,
    'unknown-check': 404,
    'not-ttl': 500,
    'not-persisted': 500,
  },
  filter: 500,
};

/** The answer that a known error stands for; undefined for one that nobody foresaw. */
export function toHttpError(error: unknown): HttpError | undefined {
  if (error instanceof HttpError) return error;
  if (error instanceof CatalogError) return new HttpError(statuses.catalog[error.code], error.message);
  if (error instanceof KvError) return new HttpError(statuses.kv[error.code], error.message);
  if (error instanceof RegistryError) return new HttpError(statuses.registry[error.code], error.message);
  if (error instanceof FilterError) return new HttpError(statuses.filter, error.message);
  return undefined;
}
