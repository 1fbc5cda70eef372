/**
 * A process that was started ahead and waits to become a command. To fork copies the page tables of this process, which
 * takes milliseconds and more of them the larger it is; a spare that is told to go becomes the command in a part of one.
 *
 * In: a command, its environment, a key (for what it was armed). Out: a process that runs the command, or none.
 * Invariants: the waiting shell is replaced (exec), so pid, group, exit code and signals are the command's own; a command
 * that can't be executed exits with 126 or 127 and says why. When this process dies, the spare reads the end of its
 * input and goes too. Without `sh` there is never one.
 */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import type { Socket } from 'node:net';
import { type Command, commandArguments } from './command.ts';

const wait = 'read -r go && exec "$@" </dev/null';

export class Spare {
  #child: ChildProcess | undefined;
  #key = '';
  #isImpossible = false;

  /** Of the one that waits. */
  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Starts one, unless one for this key waits already. */
  arm(key: string, command: Command, env: Readonly<Record<string, string | undefined>>): void {
    const words = commandArguments(command);
    if (words === undefined || this.#isImpossible || (this.#child !== undefined && this.#key === key)) return;
    this.close();
    const child = spawn('sh', ['-c', wait, 'sh', ...words], {
      stdio: ['pipe', 'pipe', 'pipe'],
      detached: true,
      env: env as NodeJS.ProcessEnv,
    });
    child.once('error', () => {
      this.#isImpossible = true;
      this.#forget(child);
    });
    child.once('exit', () => this.#forget(child));
    // It may die while it is told to go; its exit tells.
    child.stdin.on('error', () => {});
    child.unref();
    for (const stream of streamsOf(child)) stream.unref();
    this.#child = child;
    this.#key = key;
  }

  /** Starts the command that was armed for `key`; undefined: there is none. */
  take(key: string): ChildProcess | undefined {
    const child = this.#child;
    if (child?.pid === undefined || this.#key !== key) return undefined;
    this.#child = undefined;
    child.removeAllListeners('error').removeAllListeners('exit');
    child.ref();
    for (const stream of streamsOf(child)) stream.ref();
    child.stdin!.end('\n');
    return child;
  }

  /** The one that waits ends. */
  close(): void {
    this.#child?.stdin?.end();
    this.#child = undefined;
  }

  #forget(child: ChildProcess): void {
    if (this.#child === child) this.#child = undefined;
  }
}

/** Node's pipes to children are sockets. */
function streamsOf({ stdin, stdout, stderr }: ChildProcess): readonly Socket[] {
  return [stdin, stdout, stderr] as unknown as readonly Socket[];
}
