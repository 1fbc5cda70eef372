/**
 * plugin: a program's output as text. It runs on every evaluation, but for those in which a dependency before it has no
 * answer yet: what it would be given is not the data.
 */
import { spawnSync } from 'node:child_process';
import { trimSpace } from '../../lib/go-text.ts';
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { quote } from '../../template/quote.ts';
import { fromBytes } from '../../template/text.ts';
import type { FunctionContext } from './context.ts';

const timeLimitMs = 30_000;
const outputLimit = 64 * 1024 * 1024;

export function pluginFunctions(context: FunctionContext): readonly GoFunction[] {
  return [
    defineFunction('plugin', { params: ['string', '...string'], result: 'string' }, (name, ...words) =>
      name === '' || !context.mayRun() ? '' : runPlugin(name, words, timeLimitMs),
    ),
  ];
}

/** Arguments are trimmed and empty ones dropped. Throws with the program's output when it fails or takes too long. */
export function runPlugin(name: string, words: readonly string[], timeoutMs: number): string {
  const args = words.map(trimSpace).filter((word) => word !== '');
  const { error, status, signal, stdout, stderr } = spawnSync(name, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    maxBuffer: outputLimit,
  });
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === 'ETIMEDOUT') throw new Error(`exec ${quote(name)}: did not finish in ${timeoutMs / 1000}s`);
  const problem = error === undefined ? exitProblem(status, signal) : startProblem(name, code, error);
  const out = stdout === null ? '' : fromBytes(stdout);
  if (problem === undefined) return trimSpace(out);
  const err = stderr === null ? '' : fromBytes(stderr);
  throw new Error(`exec ${quote(name)}: ${problem}\n\nstdout:\n\n${out}\n\nstderr:\n\n${err}`);
}

const signalNames: Readonly<Record<string, string>> = {
  SIGHUP: 'hangup',
  SIGINT: 'interrupt',
  SIGQUIT: 'quit',
  SIGABRT: 'aborted',
  SIGKILL: 'killed',
  SIGSEGV: 'segmentation fault',
  SIGPIPE: 'broken pipe',
  SIGTERM: 'terminated',
};

function exitProblem(status: number | null, signal: NodeJS.Signals | null): string | undefined {
  if (signal !== null) return `signal: ${signalNames[signal] ?? signal}`;
  return status === 0 ? undefined : `exit status ${status}`;
}

function startProblem(name: string, code: string | undefined, error: Error): string {
  if (code === 'ENOBUFS') return `output is longer than ${outputLimit} bytes`;
  const isPath = name.includes('/');
  if (code === 'ENOENT') {
    return isPath
      ? `fork/exec ${name}: no such file or directory`
      : `exec: ${quote(name)}: executable file not found in $PATH`;
  }
  return code === 'EACCES' ? `fork/exec ${name}: permission denied` : error.message;
}
