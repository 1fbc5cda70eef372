import { runCli } from './cli.ts';

export interface CliEnded {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface CliOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly input?: string | Uint8Array;
}

/** Runs one command inside this process, with an environment and standard streams of its own. */
export async function cli(args: readonly string[], options: CliOptions = {}): Promise<CliEnded> {
  const out: Uint8Array[] = [];
  let err = '';
  const code = await runCli(args, {
    out: (text) => void out.push(Buffer.from(text)),
    outBytes: (bytes) => void out.push(bytes),
    err: (text) => void (err += text),
    env: options.env ?? {},
    readStdin: () => Promise.resolve(Buffer.from(options.input ?? '')),
    signal: new AbortController().signal,
    onHangup: () => () => {},
    takeSignals: () => () => {},
  });
  return { code, out: Buffer.concat(out).toString(), err };
}
