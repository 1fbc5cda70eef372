/** Running a configured command: a list as it is, one text with spaces through `sh -c`, each in a process group of its own. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Readable } from 'node:stream';

/**
 * A list is executed as it is; one word too; one text with spaces goes through `sh -c`, also as the only item of a list, as
 * consul-template takes it. Empty: none.
 */
export type Command = readonly string[] | string;

export interface CommandOptions {
  /** The whole group is killed after this; 0: never. */
  readonly timeoutMs: number;
  /** Sent first when the time is over; null or left out: SIGKILL at once. */
  readonly killSignal?: NodeJS.Signals | null;
  /** How long after it SIGKILL follows; default at once. */
  readonly killTimeoutMs?: number;
  /** The whole environment. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Kills the group when it aborts. */
  readonly signal?: AbortSignal;
  /** Runs the command already, with its output in pipes; then none is started. */
  readonly spare?: ChildProcess | undefined;
  /** Its output goes where this process's does, and is not kept. */
  readonly inherit?: boolean;
  /** It is started and left alone: `ok` as soon as it runs. */
  readonly detach?: boolean;
}

export interface CommandResult {
  /** It ended by itself with exit code 0. */
  readonly ok: boolean;
  /** null: it did not start, or a signal ended it. */
  readonly exit: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** Why it did not start. */
  readonly error: Error | undefined;
  /** The last 64 KiB of what it wrote to stdout and stderr. */
  readonly output: string;
  readonly durationMs: number;
}

const outputLimit = 64 * 1024;

/** undefined: there is no command. */
export function commandArguments(command: Command): readonly string[] | undefined {
  const words = typeof command === 'string' ? [command] : command;
  if (words.length > 1) return words;
  const text = words[0]?.trim() ?? '';
  if (text === '') return undefined;
  return needsShell(command) ? ['sh', '-c', text] : [text];
}

/** It is a text for the shell. */
export function needsShell(command: Command): boolean {
  const [text, ...rest] = typeof command === 'string' ? [command] : command;
  return text !== undefined && rest.length === 0 && /\s/.test(text.trim());
}

/** One text for one command, for comparison and for people. */
export function commandText(command: Command): string {
  return typeof command === 'string' ? command.trim() : command.join(' ').trim();
}

/** Starts the command in this turn; never rejects. */
export function runCommand(command: Command, options: CommandOptions): Promise<CommandResult> {
  const started = performance.now();
  const [file, ...rest] = commandArguments(command) ?? ['true'];
  return new Promise((resolve) => {
    let child: ChildProcess;
    const output = new Tail();
    const finish = (end: Pick<CommandResult, 'exit' | 'signal' | 'timedOut' | 'error'>): void => {
      const ok = end.exit === 0 && !end.timedOut;
      resolve({ ok, ...end, output: output.text(), durationMs: performance.now() - started });
    };
    try {
      child =
        options.spare ??
        spawn(file!, rest, {
          stdio: options.inherit === true ? ['ignore', 'inherit', 'inherit'] : ['ignore', 'pipe', 'pipe'],
          detached: true,
          env: options.env as NodeJS.ProcessEnv,
        });
    } catch (error) {
      finish({ exit: null, signal: null, timedOut: false, error: error as Error });
      return;
    }
    if (options.detach === true) leaveAlone(child, finish);
    else supervise(child, options, output, finish);
  });
}

function leaveAlone(child: ChildProcess, finish: (end: End) => void): void {
  child.once('error', (error) => finish({ exit: null, signal: null, timedOut: false, error }));
  child.once('spawn', () => {
    child.unref();
    for (const stream of [child.stdout, child.stderr]) unref(stream?.resume());
    finish({ exit: 0, signal: null, timedOut: false, error: undefined });
  });
}

type End = Pick<CommandResult, 'exit' | 'signal' | 'timedOut' | 'error'>;

function supervise(
  child: ChildProcess,
  options: CommandOptions,
  output: Tail,
  finish: (end: End) => void,
): void {
  let timedOut = false;
  const kill = (): void => signalGroup(child.pid, 'SIGKILL');
  const expire = (): void => {
    timedOut = true;
    const { killSignal, killTimeoutMs } = options;
    if (killSignal === undefined || killSignal === null) return kill();
    signalGroup(child.pid, killSignal);
    timer = setTimeout(kill, killTimeoutMs ?? 0);
  };
  let timer = options.timeoutMs > 0 ? setTimeout(expire, options.timeoutMs) : undefined;
  options.signal?.addEventListener('abort', kill, { once: true });
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk: Buffer) => output.add(chunk));
  const release = (): void => {
    clearTimeout(timer);
    options.signal?.removeEventListener('abort', kill);
  };
  child.once('error', (error) => {
    release();
    finish({ exit: null, signal: null, timedOut, error });
  });
  // Not `close`: a daemon that the command left behind keeps the pipes open for as long as it lives.
  child.once('exit', (exit, signal) => {
    release();
    void drained(child).then(() => finish({ exit, signal, timedOut, error: undefined }));
  });
  if (options.signal?.aborted === true) kill();
}

/** The group's id is the child's: everything that it started is reached too, unless it has left the group. */
export function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // It has ended in the meantime.
  }
}

// What was written before the end is read; then the pipes stop holding this process open, but stay open for a daemon.
async function drained(child: ChildProcess): Promise<void> {
  const streams = [child.stdout, child.stderr].filter((stream) => stream !== null);
  const ended = Promise.all(streams.map((stream) => endOf(stream)));
  await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 20))]);
  for (const stream of streams) unref(stream);
}

function unref(stream: (Readable & { unref?: () => void }) | undefined): void {
  stream?.unref?.();
}

function endOf(stream: Readable): Promise<void> {
  return new Promise((resolve) => {
    if (stream.readableEnded || stream.destroyed) return resolve();
    stream.once('close', resolve);
  });
}

class Tail {
  #chunks: Buffer[] = [];
  #size = 0;

  add(chunk: Buffer): void {
    this.#chunks.push(chunk);
    this.#size += chunk.length;
    if (this.#size <= 2 * outputLimit) return;
    const kept = Buffer.concat(this.#chunks).subarray(-outputLimit);
    this.#chunks = [kept];
    this.#size = kept.length;
  }

  text(): string {
    return Buffer.concat(this.#chunks).subarray(-outputLimit).toString();
  }
}
