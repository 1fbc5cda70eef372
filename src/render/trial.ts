/**
 * What a destination held before a candidate is tried in its place, kept beside it until the check has decided. When the
 * process dies in between (kill -9, power loss), the next start finds it and puts it back: what was never accepted is not
 * left behind as if it had been.
 * Where a second name can't be given to the file (one that is mounted by itself), nothing is kept.
 */
import { closeSync, linkSync, lstatSync, openSync, renameSync, unlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Destination, hiddenName } from './destination.ts';

type Target = Pick<Destination, 'target'>;

export interface Trial {
  /** The candidate was refused: puts back what was there, which takes no space. False: nothing was kept. */
  undo(): boolean;
  /** It is decided: what the destination holds now counts. Never throws. */
  end(): void;
}

/** Call it before the candidate takes the destination's place. Never throws: the candidate is tried without it, too. */
export function beginTrial(destination: Target): Trial {
  const where = places(destination);
  if (where === undefined) return nothingKept;
  const { target, old, none } = where;
  try {
    unlinkIfThere(old);
    const kept = isThere(target) ? old : none;
    if (kept === old) linkSync(target, old);
    else closeSync(openSync(none, 'w', 0o600));
    return { undo: () => undo(destination), end: () => unlinkQuietly(kept) };
  } catch {
    return nothingKept;
  }
}

/** Ends a trial that nobody decided: true when the destination is as it was before. Throws when it can't be. */
export function recoverTrial(destination: Target): boolean {
  const where = places(destination);
  if (where === undefined) return false;
  const { target, old, none } = where;
  if (isThere(old)) {
    renameSync(old, target);
    // Of two names of one file rename takes none away: the candidate had not come to its place yet.
    unlinkIfThere(old);
    return true;
  }
  if (!isThere(none)) return false;
  unlinkIfThere(target);
  unlinkIfThere(none);
  return true;
}

const nothingKept: Trial = { undo: () => false, end: () => {} };

function undo(destination: Target): boolean {
  try {
    return recoverTrial(destination);
  } catch {
    return false;
  }
}

// What is left is put back at the next start, and rendered anew: no harm.
function unlinkQuietly(path: string): void {
  try {
    unlinkIfThere(path);
  } catch {
    // As a directory that has become read-only.
  }
}

interface Places {
  readonly target: string;
  readonly old: string;
  readonly none: string;
}

/** Undefined: such a destination can't be, as whoever writes it will say. */
function places(destination: Target): Places | undefined {
  try {
    const { target } = destination;
    const beside = (end: string): string => join(dirname(target), hiddenName(basename(target), end));
    return { target, old: beside('portolan-old'), none: beside('portolan-none') };
  } catch {
    return undefined;
  }
}

/** A link that leads nowhere is there, too. */
function isThere(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}

function unlinkIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}
