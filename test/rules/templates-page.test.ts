/** The page about templates and the program tell the same: rules of lint, ready-made templates, metrics. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repoRoot } from '../../src/lib/repo-root.testkit.ts';
import { readyMade } from '../../src/render/init/init.ts';
import { rules, syntaxRule } from '../../src/render/lint/lint.ts';

const page = readFileSync(join(repoRoot(import.meta.url), 'docs/templates.md'), 'utf8');

test('every rule of lint is in the table with its severity, and no other', () => {
  const listed = [...page.matchAll(/^\| `([\w-]+)` \| (error|warning|info) \|/gm)].map(
    ([, name, severity]) => `${name} ${severity}`,
  );
  const want = [`${syntaxRule} error`, ...rules.map(({ name, severity }) => `${name} ${severity}`)];
  assert.deepEqual([...listed].sort(), want.sort());
});

test('every ready-made template is in the table with its destination, and the keys that it reads are named', () => {
  for (const { name, destination, template } of readyMade) {
    assert.match(page, new RegExp(`^\\| \`${name}\` \\| \`${destination}\``, 'm'), name);
    for (const [, key] of template.matchAll(/keyOrDefault "([^"]+)"/g))
      assert.ok(page.includes(`\`${key}\``), `${name}: ${key}`);
  }
});
