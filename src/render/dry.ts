/** What a dry run shows of a file that would change: the whole new text, or a unified diff. */
import { createTwoFilesPatch } from 'diff';
import { fromBytes } from '../template/text.ts';

export interface FileChange {
  readonly path: string;
  /** undefined: there is no file yet. */
  readonly before: Uint8Array | undefined;
  readonly after: Uint8Array;
}

/** A change as text. */
export type ShowChange = (change: FileChange) => string;

/** As consul-template prints it: the path, then the text. */
export const wholeText: ShowChange = ({ path, after }) => `> ${path}\n${fromBytes(after)}`;

/** Paints one line of a diff; `kind` is what stands at its begin. */
export type PaintLine = (line: string, kind: '+' | '-' | '@' | 'header') => string;

/** Longer than this and the diff would hold up everything else. */
const patienceMs = 1000;

/** A unified diff, which `patch` would take; painted line by line. */
export function unifiedDiff(paint: PaintLine = (line) => line): ShowChange {
  return ({ path, before, after }) => {
    const from = before === undefined ? '/dev/null' : path;
    const old = before === undefined ? '' : Buffer.from(before).toString();
    const text = Buffer.from(after).toString();
    const patch = createTwoFilesPatch(from, path, old, text, '', '', { context: 3, timeout: patienceMs });
    if (patch === undefined) {
      return `--- ${from}\n+++ ${path}\n${old.length} and ${text.length} characters differ too much to be compared\n`;
    }
    return paintDiff(patch.slice(patch.indexOf('--- ')), paint);
  };
}

function paintDiff(patch: string, paint: PaintLine): string {
  let isHeader = true;
  const lines = patch.split('\n').map((line) => {
    if (line.startsWith('@@')) isHeader = false;
    if (isHeader && line !== '') return paint(line, 'header');
    const [first] = line;
    return first === '+' || first === '-' || first === '@' ? paint(line, first) : line;
  });
  return lines.join('\n');
}
