export type AgentErrorCode =
  /** A listener could not be opened: the message names address, port and fix. */
  | 'listen'
  /** A template's file, user or group can't be read or found. */
  | 'template'
  /** The address of the Docker Engine is none, or its certificates can't be read. */
  | 'docker-host'
  /** The pid file can't be written. */
  | 'pid-file'
  /** Another live registrar holds this one's id. */
  | 'registrar';

/** The agent could not start, or had to stop. What was started has been stopped again. */
export class AgentError extends Error {
  readonly code: AgentErrorCode;

  constructor(code: AgentErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'AgentError';
    this.code = code;
  }
}
