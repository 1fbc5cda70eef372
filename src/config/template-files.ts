/**
 * consul-template's rule for files: each one that is named, and every file below a directory, in lexical order and whatever
 * its extension. Directories behind links are left out, and so are names that begin with `..`: a mounted ConfigMap has its
 * real files there a second time.
 */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileProblem } from '../lib/file-problem.ts';
import type { ObjectTree } from '../lib/tree.ts';
import { ConfigError } from './config-error.ts';
import { type ConfigFormat, parseConfigText } from './read-file.ts';

const formats: Readonly<Record<string, ConfigFormat>> = {
  '.json': 'json',
  '.yaml': 'yaml',
  '.yml': 'yaml',
  '.toml': 'toml',
};

export function readTemplateFiles(path: string): readonly ObjectTree[] {
  return attempt(path, () => statSync(path).isDirectory()) ? readFolder(path) : [readOne(path)];
}

function readFolder(folder: string): readonly ObjectTree[] {
  const entries = attempt(folder, () => readdirSync(folder, { withFileTypes: true }));
  const names = entries
    .filter(({ name }) => !name.startsWith('..'))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  return names.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return readFolder(path);
    if (entry.isSymbolicLink()) return attempt(path, () => statSync(path).isFile()) ? [readOne(path)] : [];
    return entry.isFile() ? [readOne(path)] : [];
  });
}

function readOne(path: string): ObjectTree {
  const text = attempt(path, () => readFileSync(path, 'utf8'));
  return parseConfigText(text, formats[extname(path)] ?? sniff(text), path);
}

/** One parser reads both there: JSON is what begins as JSON does. */
export function sniff(text: string): ConfigFormat {
  return /^\s*\{/.test(text) ? 'json' : 'hcl';
}

function attempt<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw new ConfigError('unreadable', `${path}: ${fileProblem(error)}`);
  }
}
