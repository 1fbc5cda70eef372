export type CatalogErrorCode =
  /** The request can't be applied; the message is Consul's text. */
  | 'invalid'
  /** It may or may not have been applied: do not send it again unless a second application does no harm. */
  | 'unknown'
  /** Nothing was applied: the store can't be written at the moment. */
  | 'unavailable'
  /** Nothing more was applied: this agent does not hold its node's name at the moment. */
  | 'fenced';

export class CatalogError extends Error {
  readonly code: CatalogErrorCode;

  constructor(code: CatalogErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'CatalogError';
    this.code = code;
  }
}
