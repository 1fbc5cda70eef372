import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The checkout that the running test was built from, without a trailing slash. */
export function repoRoot(from: string): string {
  let folder = dirname(fileURLToPath(from));
  while (!existsSync(join(folder, 'sdk', 'package.json'))) {
    if (dirname(folder) === folder) throw new Error(`no checkout above ${from}`);
    folder = dirname(folder);
  }
  return folder;
}
