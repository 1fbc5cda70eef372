import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { repoRoot } from './repo-root.testkit.ts';
import { version } from './version.ts';

test('the program, the sdk and the packages have one version', () => {
  for (const file of ['package.json', 'sdk/package.json']) {
    const text = readFileSync(`${repoRoot(import.meta.url)}/${file}`, 'utf8');
    assert.equal((JSON.parse(text) as { version: string }).version, version, file);
  }
});
