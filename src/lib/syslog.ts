/**
 * Lines for syslog. Node has no datagrams for unix sockets, which /dev/log takes, so util-linux's `logger` carries them: one
 * process, one line of its input a message, each with its priority in front. It ends when its input does.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';

export interface SyslogOptions {
  /** `local0`, `daemon` … */
  readonly facility: string;
  /** What messages are tagged with. */
  readonly name: string;
  /** Default /dev/log. */
  readonly socket?: string;
  /** Default: `logger` of the PATH. */
  readonly program?: string;
}

/** The system has no syslog, or nothing that can write to it; the message says which. */
export class SyslogError extends Error {
  override readonly name = 'SyslogError';
  readonly code = 'no-syslog';
}

/** Numbers of RFC 5424, 6.2.1. */
const facilities = [
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp security console clock',
  'local0 local1 local2 local3 local4 local5 local6 local7',
].flatMap((line) => line.split(' '));

const severities = { trace: 7, debug: 7, info: 6, warn: 4, error: 3 } as const;

export type SyslogLevel = keyof typeof severities;

export class Syslog {
  readonly #facility: number;
  readonly #child: ChildProcess;
  #failure: string | undefined;

  /** Throws SyslogError: an unknown facility, no socket. */
  constructor(options: SyslogOptions) {
    const { facility, name, socket = '/dev/log', program = 'logger' } = options;
    this.#facility = facilities.indexOf(facility.toLowerCase());
    if (this.#facility < 0)
      throw new SyslogError(`syslog: there is no facility "${facility}": use e.g. LOCAL0`);
    if (statSync(socket, { throwIfNoEntry: false })?.isSocket() !== true)
      throw new SyslogError(
        `syslog: nothing listens at ${socket}: start a syslog daemon, or switch syslog off`,
      );
    this.#child = spawn(program, ['--socket', socket, '--prio-prefix', '--tag', `${name}[${process.pid}]`], {
      stdio: ['pipe', 'ignore', 'ignore'],
      // A Ctrl-C is for us: it has our last words to carry.
      detached: true,
    });
    this.#child.once('error', () => (this.#failure = `there is no program "${program}"`));
    this.#child.once('exit', (code) => (this.#failure ??= `"${program}" ended with ${code}`));
    this.#child.stdin?.on('error', () => {});
    this.#child.unref();
    (this.#child.stdin as { unref?: () => void } | null)?.unref?.();
  }

  /** Why nothing is written any more. */
  get failure(): string | undefined {
    return this.#failure;
  }

  write(level: SyslogLevel, text: string): void {
    if (this.#failure !== undefined) return;
    const line = text.trimEnd().replaceAll('\n', ' ');
    this.#child.stdin?.write(`<${this.#facility * 8 + severities[level]}>${line}\n`);
  }

  close(): void {
    this.#child.stdin?.end();
  }
}
