import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { test } from 'node:test';
import { repoRoot } from '../../src/lib/repo-root.testkit.ts';
import { findCycle, forbiddenImports, importsOf, importTable } from './import-table.ts';

const root = repoRoot(import.meta.url);

test('folders import only what the table allows', () => {
  const files = sourceFiles('src').filter((file) => !isTest(file));
  assert.ok(files.length > 60, `only ${files.length} files were read: is the path right?`);
  const imports = files.flatMap((file) => importsOf(file, read(file)));
  assert.ok(imports.length > 150, `only ${imports.length} imports were found: is the pattern right?`);
  assert.deepEqual(forbiddenImports(imports), []);
});

test('a planted import in the wrong direction is found', () => {
  const planted = importsOf('src/store/x.ts', "import type { Catalog } from '../catalog/catalog.ts';\n");
  assert.deepEqual(forbiddenImports(planted), [
    'src/store/x.ts: store may not import catalog (src/catalog/catalog.ts)',
  ]);
  assert.equal(forbiddenImports(importsOf('src/nowhere/x.ts', "import '../lib/log.ts';")).length, 1);
  assert.equal(
    forbiddenImports(importsOf('src/dns/x.ts', "import { a } from '@portolan/sdk/wire';")).length,
    1,
  );
});

test('the import table is acyclic, and a planted cycle is found', () => {
  assert.equal(findCycle(importTable), undefined);
  assert.deepEqual(findCycle({ a: ['b'], b: ['c'], c: ['a'] }), ['a', 'b', 'c', 'a']);
});

test('no source file is longer than 500 lines', () => {
  const long = sourceFiles('src').filter((file) => !isTest(file) && lines(file) > 500);
  assert.deepEqual(long, []);
});

test('every folder of src that has content is in the table, and every folder of the table has content', () => {
  const folders = readdirSync(join(root, 'src'));
  assert.deepEqual([...folders].sort(), Object.keys(importTable).sort());
});

test('the repository names no machine and no path of its makers', () => {
  const found = [
    ...sourceFiles('src'),
    ...sourceFiles('test'),
    ...sourceFiles('bench'),
    ...sourceFiles('docs'),
    'README.md',
  ]
    .filter((file) => !file.includes('/rules/'))
    .filter((file) => /\/work\/(?:main|shared)/.test(read(file)));
  assert.deepEqual(found, []);
});

function sourceFiles(folder: string): string[] {
  return readdirSync(join(root, folder))
    .flatMap((name) => {
      const path = join(folder, name);
      return statSync(join(root, path)).isDirectory() ? sourceFiles(path) : [path];
    })
    .filter((file) => /\.(?:ts|md)$/.test(file))
    .map((file) => relative('.', file));
}

function isTest(file: string): boolean {
  return /\.(?:test|testkit)\.ts$/.test(file);
}

function read(file: string): string {
  return readFileSync(join(root, file), 'utf8');
}

function lines(file: string): number {
  return read(file).split('\n').length;
}
