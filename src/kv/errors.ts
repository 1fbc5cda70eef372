export type KvErrorCode =
  /** It may or may not have been applied: do not send it again unless a second application does no harm. */
  | 'unknown'
  /** Nothing was applied: the store can't be written at the moment. */
  | 'unavailable'
  /** Key and value are more than one commit of the store may hold. */
  | 'too-large';

export class KvError extends Error {
  readonly code: KvErrorCode;

  constructor(code: KvErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'KvError';
    this.code = code;
  }
}
