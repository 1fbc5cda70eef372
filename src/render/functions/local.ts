/** Functions that look at this machine: file, env, mustEnv, envOrDefault, timestamp. */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, relative, resolve, sep } from 'node:path';
import { formatGoTime } from '../../lib/go-time.ts';
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { fileDependency } from '../dependency.ts';
import type { FunctionContext } from './context.ts';

export function localFunctions(context: FunctionContext): readonly GoFunction[] {
  return [
    defineFunction('file', { params: ['string'], result: 'string' }, (path) => {
      if (path === '') return '';
      if (context.sandboxPath !== undefined) checkSandbox(context.sandboxPath, path);
      return context.askFile(fileDependency(path)) ?? '';
    }),
    defineFunction(
      'env',
      { params: ['string'], result: 'string' },
      (name) => context.environment(name) ?? '',
    ),
    defineFunction('mustEnv', { params: ['string'], result: 'string' }, (name) => {
      const value = context.environment(name) ?? '';
      if (value === '') throw new Error(`required environment variable ${name} is empty`);
      return value;
    }),
    defineFunction(
      'envOrDefault',
      { params: ['string', 'string'], result: 'string' },
      (name, fallback) => context.environment(name) ?? fallback,
    ),
    defineFunction('timestamp', { params: ['...string'], result: 'string' }, (...layouts) =>
      timestamp(context.now(), layouts),
    ),
  ];
}

function timestamp(nowMs: number, layouts: readonly string[]): string {
  if (layouts.length > 1) {
    throw new Error(`timestamp: wrong number of arguments, expected 0 or 1, but got ${layouts.length}`);
  }
  const layout = layouts[0] ?? '2006-01-02T15:04:05Z07:00';
  return layout === 'unix' ? String(Math.floor(nowMs / 1000)) : formatGoTime(nowMs, layout);
}

// Both sides are resolved through symbolic links, so that a link inside the sandbox cannot lead out of it.
function checkSandbox(sandbox: string, path: string): void {
  const inside = relative(realPath(sandbox), realPath(path));
  if (inside === '..' || inside.startsWith(`..${sep}`)) throw new Error(`'${path}' is outside of sandbox`);
}

// A file that does not exist yet is where its nearest existing directory is.
function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const parent = dirname(resolve(path));
    if ((error as { code?: unknown }).code !== 'ENOENT' || parent === resolve(path)) throw error;
    return join(realPath(parent), basename(path));
  }
}
