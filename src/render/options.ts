/** What a runner is configured with, and what it tells of itself. */
import { type EnvironmentRules, inheritEverything } from './child-environment.ts';
import type { Command, CommandResult } from './command.ts';
import type { MissingKey } from '../template/state.ts';
import type { HoldRules } from './hold.ts';
import type { Wait } from './quiescence.ts';

/** One template and the file that it becomes. */
export interface TemplateSpec {
  /** Where the text came from, for messages and logs: a path, or `(dynamic)`. */
  readonly source: string;
  readonly text: string;
  readonly destination: string;
  /** Run after the destination has changed. Templates with equal commands run it once for what changes together. */
  readonly command: Command;
  /** 0: no limit. */
  readonly commandTimeoutMs: number;
  /**
   * Templates of one group change together: nothing is swapped until all of them have an output and every check has
   * accepted, and all go back when one is refused. They have the same command. '': none.
   */
  readonly commandGroup: string;
  /** Asks a command whose time is over to end; null: it is killed at once. */
  readonly killSignal: NodeJS.Signals | null;
  /** How long it then has before it is killed. */
  readonly killTimeoutMs: number;
  /** What check and command see of this process's environment. */
  readonly env: EnvironmentRules;
  /**
   * Decides whether a candidate may stay; exit 0 accepts it. It finds the candidate at `$PORTOLAN_CANDIDATE`, and the
   * destination at `$PORTOLAN_DESTINATION`.
   */
  readonly check: Command;
  readonly checkTimeoutMs: number;
  /**
   * The check runs with the candidate in the destination's place, which is restored when it refuses: for programs that
   * only check their whole configuration, as `nginx -t` does. Otherwise it runs before the destination is touched.
   */
  readonly checkInPlace: boolean;
  readonly perms: number;
  /** -1 keeps. */
  readonly uid: number;
  readonly gid: number;
  readonly backup: boolean;
  readonly createDestDirs: boolean;
  readonly leftDelimiter: string;
  readonly rightDelimiter: string;
  readonly missingKey: MissingKey;
  readonly functionDenylist: readonly string[];
  readonly sandboxPath: string;
  /** The template's own failure ends the runner. */
  readonly errorFatal: boolean;
  /** null: the file follows whatever its data are. */
  readonly hold: HoldRules | null;
  /** Quiescence; null: changes are acted on at once. Not with `once`. */
  readonly wait: Wait | null;
}

/** A spec from its few required parts: everything else at its default. */
export function templateSpec(
  parts: Pick<TemplateSpec, 'source' | 'text' | 'destination'> & Partial<TemplateSpec>,
): TemplateSpec {
  const check = parts.check ?? '';
  return {
    command: '',
    commandTimeoutMs: 30_000,
    commandGroup: '',
    killSignal: null,
    killTimeoutMs: 30_000,
    env: inheritEverything,
    check,
    checkTimeoutMs: 30_000,
    checkInPlace: !mentionsCandidate(check),
    perms: 0,
    uid: -1,
    gid: -1,
    backup: false,
    createDestDirs: true,
    leftDelimiter: '',
    rightDelimiter: '',
    missingKey: 'zero',
    functionDenylist: [],
    sandboxPath: '',
    errorFatal: false,
    hold: null,
    wait: null,
    ...parts,
  };
}

/** A check that names `PORTOLAN_CANDIDATE` looks at the candidate; any other can only look at the destination. */
export function mentionsCandidate(check: Command): boolean {
  return [check].flat().some((word) => word.includes('PORTOLAN_CANDIDATE'));
}

export interface RunnerOptions {
  readonly templates: readonly TemplateSpec[];
  /** Ends when every template has been rendered (or has failed) and its command has ended. */
  readonly once: boolean;
  /** Prints what would be written, writes nothing and runs nothing. */
  readonly dry: boolean;
  /** Where notes of owed commands are kept; undefined: nowhere. */
  readonly stateDir: string | undefined;
  /** Given to `env` and to commands, over the process's own environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** consul-template's behaviour where this runner's is another: docs/compat.md. Default false. */
  readonly strict?: boolean;
  /** A key that is still absent after so long ends the runner; undefined: none does. */
  readonly failedLookupMs?: number;
  /** With `once`: a run that takes longer fails; undefined: there is no limit. */
  readonly onceTimeoutMs?: number;
  /** How long a stopping runner lets its commands run on before it kills them. Default 5 s. */
  readonly stopGraceMs?: number;
}

export type TemplateState =
  /** Some dependency has no answer yet. */
  | 'waiting'
  /** There is an output, and a reason to keep the file as it is for now: `heldBecause`. */
  | 'held'
  /** The destination holds what the template says, and its command has succeeded. */
  | 'current'
  /** A check or a command runs. */
  | 'reloading'
  /** Writing, the check or the command failed; tried again with a growing delay and when the inputs change. */
  | 'failed'
  /** The template itself fails; tried again when its inputs change. */
  | 'broken';

export interface TemplateStatus {
  readonly source: string;
  readonly destination: string;
  readonly state: TemplateState;
  /** Dependencies without an answer, and for how long. */
  readonly waitingFor: readonly {
    readonly id: string;
    readonly forMs: number;
    readonly error: string | undefined;
  }[];
  /** The source can't be reached since the start, and what it said then is used (wall clock, ms); undefined: all is new. */
  readonly staleSince?: number | undefined;
  /** Ids of all dependencies of the last evaluation. */
  readonly dependencies: readonly string[];
  readonly evaluations: number;
  /** Times that the destination was replaced. */
  readonly renders: number;
  /** Wall clock, milliseconds. */
  readonly lastRenderAt: number | undefined;
  readonly error: string | undefined;
  /** Set in state `held`. */
  readonly heldBecause?: string | undefined;
  readonly lastCommand: CommandReport | undefined;
  /** The destination was replaced and the command has not succeeded since. */
  readonly commandOwed: boolean;
}

export interface CommandReport extends CommandResult {
  readonly kind: 'check' | 'command' | 'command-after-rollback';
  /** Wall clock, milliseconds. */
  readonly at: number;
}

/** A supervised process, as far as the runner knows it. Calls must not throw. */
export interface RunnerChild {
  /** Every template has been rendered once; `changed`: some file was another before. */
  ready(changed: boolean): void;
  /** Some file has changed since, and its command, if any, has succeeded. */
  changed(): void;
}

/** Called as things happen; must not throw. */
export interface RunnerHooks {
  readonly evaluated?: (event: { readonly source: string; readonly durationMs: number }) => void;
  /** `sinceChangeMs`: from the source's call to the swap; undefined for first renders and retries. */
  readonly rendered?: (event: {
    readonly source: string;
    readonly destination: string;
    readonly bytes: number;
    readonly sinceChangeMs: number | undefined;
  }) => void;
  readonly commandEnded?: (event: CommandReport & { readonly command: string }) => void;
}
