import type { Command } from 'commander';

/** Where a command reads and writes; tests give their own. */
export interface Io {
  readonly out: (text: string) => void;
  readonly outBytes: (bytes: Uint8Array) => void;
  readonly err: (text: string) => void;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly readStdin: () => Promise<Uint8Array>;
  /** Aborts on SIGINT and SIGTERM. */
  readonly signal: AbortSignal;
  /** Called on SIGHUP until the returned function is called. */
  readonly onHangup: (listener: () => void) => () => void;
  /** These signals go to the listener alone until the returned function is called; `signal` stays as it is meanwhile. */
  readonly takeSignals: (
    names: readonly NodeJS.Signals[],
    listener: (name: NodeJS.Signals) => void,
  ) => () => void;
}

/** One command of the program: its own file, and one line in the table of cli.ts. */
export interface CliCommand {
  /** Adds options, arguments and examples; the action calls `exit` with the exit code when it is not 0. */
  readonly define: (command: Command, io: Io, exit: (code: number) => void) => void;
  /** Exit code for wrong flags and arguments; default 1. */
  readonly usageExitCode?: number;
}

/** Ends a command with a message for people and an exit code. */
export class CliError extends Error {
  readonly exitCode: number;

  constructor(message: string, exitCode = 1) {
    super(message);
    this.name = 'CliError';
    this.exitCode = exitCode;
  }
}

/** The line of a command's --help that a script's author looks for. */
export function exitCodes(command: Command, text: string): void {
  command.addHelpText('after', `\nExit codes: ${text}.`);
}

/** Examples under a command's --help. */
export function examples(command: Command, lines: readonly string[]): void {
  command.addHelpText('after', `\nExamples:\n${lines.map((line) => `  $ ${line}`).join('\n')}`);
}
