export type ClientErrorCode =
  /** The server answered with a status that is not a success: see `status` and `text`. */
  | 'status'
  /** No answer: refused, reset, name not found, aborted by a time-out of the transport. `cause` says more. */
  | 'network'
  /** The answer is not what the API promises. */
  | 'decode'
  /** The call itself makes no sense; nothing was sent. */
  | 'invalid';

/** What every method throws, except an abort: that rejects with the signal's reason. */
export class ClientError extends Error {
  readonly code: ClientErrorCode;
  /** HTTP status, 0 without an answer. */
  readonly status: number;
  /** The server's own words: the body of an answer that is not a success. */
  readonly text: string;

  constructor(
    code: ClientErrorCode,
    message: string,
    details?: { readonly status?: number; readonly text?: string; readonly cause?: unknown },
  ) {
    super(message, details?.cause === undefined ? undefined : { cause: details.cause });
    this.name = 'ClientError';
    this.code = code;
    this.status = details?.status ?? 0;
    this.text = details?.text ?? '';
  }
}
