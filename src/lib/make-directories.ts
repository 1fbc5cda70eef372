import { mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * A directory and its missing parents; nothing when it is there. Throws the system's error. Node's own `recursive` never
 * returns where the system says ENOENT below a directory that exists, as /proc does.
 */
export function makeDirectories(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'EEXIST' && statSync(path).isDirectory()) return;
    if (code !== 'ENOENT' || dirname(path) === path) throw error;
    makeDirectories(dirname(path), mode);
    makeLast(path, mode);
  }
}

/** Somebody else may have made it meanwhile. */
function makeLast(path: string, mode: number): void {
  try {
    mkdirSync(path, { mode });
  } catch (error) {
    if ((error as { code?: string }).code !== 'EEXIST') throw error;
  }
}
