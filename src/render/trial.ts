/**
 * What a destination held before a candidate is tried in its place, kept beside it until the check has decided. When the
 * process dies in between (kill -9, power loss), the next start finds it and puts it back: what was never accepted is not
 * left behind as if it had been.
 * Where a second name can't be given to the file (one that is mounted by itself), nothing is kept.
 */
import { closeSync, existsSync, linkSync, openSync, renameSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { finalTarget, hiddenName } from './destination.ts';

export interface Trial {
  /** It is decided: what the destination holds now counts. */
  end(): void;
}

/** Call it before the candidate takes the destination's place. Never throws: the candidate is tried without it, too. */
export function beginTrial(path: string): Trial {
  const where = places(path);
  if (where === undefined) return nothingKept;
  const { target, old, none } = where;
  try {
    unlinkIfThere(old);
    const kept = existsSync(target) ? old : none;
    if (kept === old) linkSync(target, old);
    else closeSync(openSync(none, 'w', 0o600));
    return { end: () => unlinkIfThere(kept) };
  } catch {
    return nothingKept;
  }
}

/** Ends a trial that nobody decided: true when the destination is as it was before. Throws when it can't be. */
export function recoverTrial(path: string): boolean {
  const where = places(path);
  if (where === undefined) return false;
  const { target, old, none } = where;
  if (existsSync(old)) {
    renameSync(old, target);
    // Of two names of one file rename takes none away: the candidate had not come to its place yet.
    unlinkIfThere(old);
    return true;
  }
  if (!existsSync(none)) return false;
  unlinkIfThere(target);
  unlinkIfThere(none);
  return true;
}

const nothingKept: Trial = { end: () => {} };

interface Places {
  readonly target: string;
  readonly old: string;
  readonly none: string;
}

/** Undefined: such a destination can't be, as whoever writes it will say. */
function places(path: string): Places | undefined {
  try {
    const target = finalTarget(path);
    const beside = (end: string): string => join(dirname(target), hiddenName(basename(target), end));
    return { target, old: beside('portolan-old'), none: beside('portolan-none') };
  } catch {
    return undefined;
  }
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
