/** sprig's functions on slash-separated paths. Source: Go path; on Unix path/filepath is the same. */
import { defineFunction } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';

export const pathFunctions: readonly GoFunction[] = [
  ...named('base', 'osBase', base),
  ...named('dir', 'osDir', directory),
  ...named('clean', 'osClean', clean),
  ...named('ext', 'osExt', extension),
  ...['isAbs', 'osIsAbs'].map((name) =>
    defineFunction(name, { params: ['string'], result: 'bool' }, (path) => path.startsWith('/')),
  ),
];

function named(name: string, osName: string, change: (path: string) => string): readonly GoFunction[] {
  return [name, osName].map((each) =>
    defineFunction(each, { params: ['string'], result: 'string' }, (path) => change(path)),
  );
}

function base(path: string): string {
  if (path === '') return '.';
  const trimmed = path.replace(/\/+$/, '');
  return trimmed === '' ? '/' : trimmed.slice(trimmed.lastIndexOf('/') + 1);
}

function directory(path: string): string {
  return clean(path.slice(0, path.lastIndexOf('/') + 1));
}

function extension(path: string): string {
  return /\.[^./]*$/.exec(path)?.[0] ?? '';
}

/** The shortest path that means the same: no `.`, no `x/..`, no doubled or trailing slash. */
function clean(path: string): string {
  const rooted = path.startsWith('/');
  const parts: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part !== '..') parts.push(part);
    else if (parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (!rooted) parts.push(part);
  }
  const joined = (rooted ? '/' : '') + parts.join('/');
  return joined === '' ? '.' : joined;
}
