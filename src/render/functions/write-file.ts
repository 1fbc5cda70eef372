/**
 * writeToFile: an extra file out of a template. Its arguments are checked when it is called; the file is written after
 * the evaluation, and only when that was complete and without error.
 */
import {
  appendFileSync,
  chmodSync,
  chownSync,
  lstatSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, resolve } from 'node:path';
import { makeDirectories } from '../../lib/make-directories.ts';
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { quote } from '../../template/quote.ts';
import { toBytes } from '../../template/text.ts';
import type { FunctionContext } from './context.ts';

interface FileWrite {
  readonly path: string;
  readonly bytes: Uint8Array;
  readonly mode: number;
  readonly append: boolean;
  /** Left out: whoever this process is. */
  readonly owner: { readonly uid: number; readonly gid: number } | undefined;
}

export function writeFunctions(context: FunctionContext): readonly GoFunction[] {
  return [
    defineFunction(
      'writeToFile',
      { params: ['string', 'string', 'string', 'string', '...string'], result: 'string' },
      (path, user, group, permissions, ...rest) => {
        const content = rest.at(-1);
        if (content === undefined) throw new Error('runtime error: index out of range [-1]');
        const flags = rest.length === 2 ? rest[0]! : '';
        const write = {
          path,
          bytes: toBytes(flags.includes('newline') ? `${content}\n` : content),
          mode: parseMode(permissions),
          append: flags.includes('append'),
          owner: ownerOf(user, group),
        };
        context.afterwards(() => applyWrite(write));
        return '';
      },
    ),
  ];
}

function parseMode(text: string): number {
  const mode = /^[0-7]+$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
  if (mode < 2 ** 32) return mode & 0o7777;
  const reason = Number.isNaN(mode) ? 'invalid syntax' : 'value out of range';
  throw new Error(`strconv.ParseUint: parsing ${quote(text)}: ${reason}`);
}

function ownerOf(user: string, group: string): FileWrite['owner'] {
  if (user === '' && group === '') return undefined;
  return {
    uid: user === '' ? (process.getuid?.() ?? 0) : accountId('/etc/passwd', user, 'user'),
    gid: group === '' ? (process.getgid?.() ?? 0) : accountId('/etc/group', group, 'group'),
  };
}

function accountId(file: string, name: string, kind: 'user' | 'group'): number {
  const rows = readFileSync(file, 'utf8')
    .split('\n')
    .map((line) => line.split(':'));
  const id = rows.find((row) => row[0] === name)?.[2] ?? (/^\d+$/.test(name) ? name : undefined);
  if (id === undefined) throw new Error(`${kind}: unknown ${kind} ${name}`);
  return Number(id);
}

function applyWrite(write: FileWrite): void {
  const path = resolve(write.path);
  if (!write.append) makeDirectories(dirname(path), 0o777);
  refuseLinks(write.path, path);
  if (write.append) appendFileSync(path, write.bytes, { mode: write.mode });
  else if (!holds(path, write.bytes)) replace(path, write);
  if (write.owner !== undefined) chownSync(path, write.owner.uid, write.owner.gid);
  chmodSync(path, write.mode);
}

// Whoever may place a link there could make this process write anywhere.
function refuseLinks(shown: string, path: string): void {
  const parent = dirname(path);
  if (realpathSync(parent) !== parent) throw new Error(`open ${shown}: its directory is a symbolic link`);
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found?.isSymbolicLink() === true) throw new Error(`open ${shown}: too many levels of symbolic links`);
  if (found?.isDirectory() === true) throw new Error(`open ${shown}: is a directory`);
}

function holds(path: string, bytes: Uint8Array): boolean {
  try {
    return readFileSync(path).equals(bytes);
  } catch {
    return false;
  }
}

function replace(path: string, write: FileWrite): void {
  const draft = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, write.bytes, { mode: write.mode, flag: 'wx' });
    if (write.owner !== undefined) chownSync(draft, write.owner.uid, write.owner.gid);
    chmodSync(draft, write.mode);
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
