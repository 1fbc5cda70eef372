export type KvErrorCode =
  /** It may or may not have been applied: do not send it again unless a second application does no harm. */
  | 'unknown'
  /** Nothing was applied: the store can't be written at the moment. */
  | 'unavailable'
  /** Key and value are more than one commit of the store may hold. */
  | 'too-large'
  /** There is no such session, or it has ended, or its id is none; the message is Consul's text. */
  | 'session'
  /** No session can be made of this; the message is Consul's text. */
  | 'invalid'
  /** No session can be made while the catalog is as it is: no such node or check, or a critical one. */
  | 'refused';

export class KvError extends Error {
  readonly code: KvErrorCode;

  constructor(code: KvErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'KvError';
    this.code = code;
  }
}
