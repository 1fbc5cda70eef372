import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repoRoot } from '../../src/lib/repo-root.testkit.ts';

const root = repoRoot(import.meta.url);

for (const name of ['contract', 'vectors']) {
  const original = join(root, '..', 'shared', name);
  const copy = join(root, 'test', 'compat', name);
  const reason = existsSync(original) ? false : 'the original is not beside this checkout';

  test(`the copy of ${name} has the bytes of the original`, { skip: reason }, () => {
    const files = filesUnder(original);
    assert.ok(files.length > 0);
    assert.deepEqual(filesUnder(copy), files);
    for (const file of files) {
      assert.ok(
        readFileSync(join(original, file)).equals(readFileSync(join(copy, file))),
        `${name}/${file} differs`,
      );
    }
  });
}

function filesUnder(folder: string, inside = ''): string[] {
  return readdirSync(join(folder, inside))
    .sort()
    .flatMap((name) => {
      const path = join(inside, name);
      return statSync(join(folder, path)).isDirectory() ? filesUnder(folder, path) : [path];
    });
}
