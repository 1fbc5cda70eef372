export type RegistryErrorCode =
  /** What was asked for breaks a rule; the message is Consul's text (HTTP: 400). */
  | 'invalid'
  /** A tagged address is not of its family (HTTP: 500). */
  | 'tagged-address'
  /** A check names a service that is not here (HTTP: 500). */
  | 'no-such-service'
  | 'unknown-service'
  | 'unknown-check'
  /** Only the status of a TTL check can be reported. */
  | 'not-ttl'
  /** It holds now, but it was not written to disk: it is tried again, and a restart before that would lose it. */
  | 'not-persisted';

export class RegistryError extends Error {
  readonly code: RegistryErrorCode;

  constructor(code: RegistryErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RegistryError';
    this.code = code;
  }
}

export function unknownCheck(id: string): RegistryError {
  const text = `Unknown check ID "${id}". Ensure that the check ID is passed, not the check name.`;
  return new RegistryError('unknown-check', text);
}
