export type ClusterErrorCode =
  /** Another agent that is alive holds this node's name: the message says which and what to do. */
  | 'name-taken'
  /** Another incarnation took this node's name over: this agent has to end. */
  | 'superseded'
  /** This agent does not hold its name at the moment: the store does not answer. */
  | 'not-held'
  /** No agent of this name was ever a member, or it is forgotten. */
  | 'unknown-member';

export class ClusterError extends Error {
  readonly code: ClusterErrorCode;

  constructor(code: ClusterErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'ClusterError';
    this.code = code;
  }
}
