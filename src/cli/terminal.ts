/** Colours, where somebody looks at them. */
import type { PaintLine } from '../render/dry.ts';
import type { Io } from './command.ts';

const codes = { red: 31, green: 32, yellow: 33, cyan: 36, bold: 1 } as const;

export type Paint = (text: string, colour: keyof typeof codes) => string;

/** Plain when the output is no terminal, and when NO_COLOR is set (https://no-color.org). */
export function paintFor(io: Pick<Io, 'env'>, isTerminal = process.stdout.isTTY): Paint {
  if (!isTerminal || (io.env['NO_COLOR'] ?? '') !== '' || io.env['TERM'] === 'dumb') return (text) => text;
  return (text, colour) => `\u001B[${codes[colour]}m${text}\u001B[0m`;
}

/** For unified diffs. */
export function linePainter(io: Pick<Io, 'env'>): PaintLine {
  const paint = paintFor(io);
  return (line, kind) =>
    paint(line, ({ '+': 'green', '-': 'red', '@': 'cyan', header: 'bold' } as const)[kind]);
}
