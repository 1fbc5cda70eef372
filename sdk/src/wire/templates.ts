/** A template of the agent's runner, as /v1/agent/templates tells it. Times are RFC 3339, '' is never. */
export interface AgentTemplate {
  readonly Source: string;
  readonly Destination: string;
  /**
   * waiting: some dependency has no answer; held: there is an output, and a reason to keep the file as it is; current: the file is as it should be and its command has succeeded; reloading: a
   * check or command runs; failed: writing, the check or the command failed, and is tried again; broken: the template itself
   * fails.
   */
  readonly State: 'waiting' | 'held' | 'current' | 'reloading' | 'failed' | 'broken';
  /** Why it is failed or broken; '' otherwise. */
  readonly Error: string;
  /** In state held: why. '' otherwise. */
  readonly HeldBecause: string;
  readonly WaitingFor: readonly AgentTemplateWait[];
  /** IDs of what the last evaluation used. */
  readonly Dependencies: readonly string[];
  readonly Evaluations: number;
  /** Times that the file was replaced. */
  readonly Renders: number;
  readonly LastRender: string;
  /** When the oldest answer was saved that a start without the server goes by; '' when all are of the server. */
  readonly StaleSince: string;
  readonly LastCommand: AgentTemplateCommand | null;
  /** The file was replaced and the command has not succeeded since. */
  readonly CommandOwed: boolean;
}

export interface AgentTemplateWait {
  /** As in Dependencies. */
  readonly ID: string;
  readonly Seconds: number;
  /** What its source says; '' when it has only not answered. */
  readonly Error: string;
}

export interface AgentTemplateCommand {
  readonly Kind: 'check' | 'command' | 'command-after-rollback';
  /** When it started. */
  readonly At: string;
  readonly Seconds: number;
  readonly OK: boolean;
  /** null: it did not start, or a signal ended it. */
  readonly Exit: number | null;
  readonly Signal: string;
  readonly TimedOut: boolean;
  /** The end of what it printed, 2,048 characters at most. */
  readonly Output: string;
}
