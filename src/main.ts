import { runCli } from './cli/cli.ts';
import type { Io } from './cli/command.ts';

const [word = ''] = process.argv.slice(2);
// A reload that is asked for while all is still to be read must not end the program, as it would without a listener.
if (['agent', 'template'].includes(word)) process.on('SIGHUP', () => {});

const stop = new AbortController();
let firstSignalMs: number | undefined;
/** Commands that steer by signals themselves. */
let takers = 0;
for (const name of ['SIGINT', 'SIGTERM'] as const) {
  process.on(name, () => {
    if (takers > 0) return;
    stop.abort();
    firstSignalMs ??= performance.now();
    // Whoever asks again does not want to wait for a tidy end. A terminal and npm send the same Ctrl-C at once.
    if (performance.now() - firstSignalMs > 500) process.exit(130);
  });
}

const io: Io = {
  out: (text) => void process.stdout.write(text),
  outBytes: (bytes) => void process.stdout.write(bytes),
  err: (text) => void process.stderr.write(text),
  env: process.env,
  readStdin: async () => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of process.stdin) chunks.push(chunk as Uint8Array);
    return Buffer.concat(chunks);
  },
  signal: stop.signal,
  onHangup: (listener) => {
    process.on('SIGHUP', listener);
    return () => void process.off('SIGHUP', listener);
  },
  takeSignals: (names, listener) => {
    takers++;
    for (const name of names) process.on(name, listener);
    return () => {
      takers--;
      for (const name of names) process.off(name, listener);
    };
  },
};

// A reader that went away (`portolan kv get | head -1`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(0);
  throw error;
});

// Nor is a reader of the log, as journald when it starts anew: what runs goes on without.
process.stderr.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

process.exitCode = await runCli(process.argv.slice(2), io);
// Parts close what they opened; an idle keep-alive socket must not keep a finished command alive.
setTimeout(() => process.exit(), 2000).unref();
