/**
 * One file that a template owns: compared, replaced in one step, put back.
 *
 * In: bytes. Out: the destination holding the old bytes or the new ones, never a part of either.
 * - The candidate is written beside the destination under a hidden name and renamed over it: `.NAME.portolan-new`.
 * - A symbolic link stays one: the file that it points to is replaced.
 * - A destination that cannot be replaced as a directory entry (a bind-mounted file: EBUSY; a directory that is read-only
 *   around a writable file) is written in place. That is the only case in which a crash can leave it half written.
 * - Calls are synchronous: a small file is in place within some 0.1 ms, and nothing runs in between.
 * Not here: when to write, commands.
 */
import { createHash } from 'node:crypto';
import {
  accessSync,
  closeSync,
  constants,
  copyFileSync,
  fchmodSync,
  fchownSync,
  fstatSync,
  fsync,
  ftruncateSync,
  linkSync,
  lstatSync,
  openSync,
  readFileSync,
  readlinkSync,
  renameSync,
  statSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import type { Stats } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { makeDirectories } from '../lib/make-directories.ts';

export interface DestinationOptions {
  readonly path: string;
  /** Mode bits; 0 keeps the existing file's, or 0644 for a new one. */
  readonly perms: number;
  /** -1 keeps the existing file's owner, or the process's for a new one. */
  readonly uid: number;
  readonly gid: number;
  /** Creates missing parent directories, mode 0755. */
  readonly createDirs: boolean;
  /** Keeps the replaced content as `PATH.bak`. */
  readonly backup: boolean;
  /** A symbolic link itself is replaced, as consul-template does. Default: what it points to is. */
  readonly replaceLinks?: boolean;
}

export type DestinationErrorCode =
  | 'is-directory'
  | 'not-regular'
  | 'no-directory'
  | 'not-directory'
  | 'no-permission'
  | 'read-only'
  | 'no-space'
  | 'link-loop'
  | 'io';

/** The destination could not be read or written; it still holds what it held. */
export class DestinationError extends Error {
  override readonly name = 'DestinationError';
  readonly code: DestinationErrorCode;
  readonly path: string;

  constructor(path: string, cause: unknown, code: DestinationErrorCode = codeOf(cause)) {
    super(`${path}: ${messages[code] ?? (cause as Error).message}`, { cause });
    this.code = code;
    this.path = path;
  }
}

const messages: Readonly<Partial<Record<DestinationErrorCode, string>>> = {
  'is-directory': 'is a directory',
  'not-regular': 'is not a regular file',
  'no-directory': 'its directory does not exist',
  'not-directory': 'a part of its path is a file, not a directory',
  'no-permission': 'permission denied',
  'read-only': 'the file system is read-only',
  'no-space': 'no space left on device',
  'link-loop': 'too many levels of symbolic links',
};

const codes: Readonly<Record<string, DestinationErrorCode>> = {
  EISDIR: 'is-directory',
  ENOENT: 'no-directory',
  ENOTDIR: 'not-directory',
  EACCES: 'no-permission',
  EPERM: 'no-permission',
  EROFS: 'read-only',
  ENOSPC: 'no-space',
  EDQUOT: 'no-space',
  ELOOP: 'link-loop',
};

function codeOf(cause: unknown): DestinationErrorCode {
  return codes[errno(cause)] ?? 'io';
}

function errno(error: unknown): string {
  return String((error as { code?: unknown }).code ?? '');
}

/** A candidate that has been written, complete, and waits to take the destination's place. */
export interface Candidate {
  readonly path: string;
  /** Puts it in place. */
  swap(): Swap;
  discard(): void;
}

/** A replacement that has happened. */
export interface Swap {
  /** What the destination held; undefined: it did not exist. */
  readonly previous: Buffer | undefined;
  /** Puts the previous content back, with its mode and owner; false when there was none. */
  restore(): boolean;
  /** Takes the new file away, where there was none before. */
  remove(): void;
  /** Makes the new content durable; resolves when it is, and never rejects. Call it once. */
  sync(): Promise<void>;
}

export class Destination {
  readonly #options: DestinationOptions;

  constructor(options: DestinationOptions) {
    this.#options = options;
  }

  get path(): string {
    return this.#options.path;
  }

  /** The directory entry that is replaced. Throws DestinationError when links lead nowhere. */
  get target(): string {
    return this.#options.replaceLinks === true ? resolve(this.path) : finalTarget(this.path);
  }

  /** The bytes it holds, undefined if it does not exist. */
  read(): Buffer | undefined {
    try {
      // To read a pipe would wait for its writer, and hold up everything else.
      const fd = openSync(this.path, constants.O_RDONLY | constants.O_NONBLOCK);
      try {
        this.#checkIsFile(fstatSync(fd));
        return readFileSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      if (errno(error) === 'ENOENT' || errno(error) === 'ENOTDIR') return undefined;
      throw error instanceof DestinationError ? error : new DestinationError(this.path, error);
    }
  }

  /** Gives an existing file the configured owner, and the configured mode too unless it may keep its own. */
  applyOwner({ keepMode }: { readonly keepMode: boolean }): void {
    const { perms, uid, gid } = this.#options;
    if (uid < 0 && gid < 0 && (perms === 0 || keepMode)) return;
    try {
      const fd = openSync(this.path, constants.O_RDONLY);
      try {
        const own = fstatSync(fd);
        applyAttributes(fd, keepMode ? { uid, gid, perms: own.mode & 0o7777 } : this.#attributes(own));
      } finally {
        closeSync(fd);
      }
    } catch (error) {
      throw new DestinationError(this.path, error);
    }
  }

  #checkIsFile(entry: Stats): void {
    if (entry.isFile()) return;
    throw new DestinationError(this.path, undefined, entry.isDirectory() ? 'is-directory' : 'not-regular');
  }

  /** Writes a candidate; throws DestinationError and leaves nothing behind. */
  stage(bytes: Uint8Array): Candidate {
    try {
      const { target } = this;
      const existing = statSync(this.path, { throwIfNoEntry: false });
      if (existing !== undefined) this.#checkIsFile(existing);
      if (existing === undefined && this.#options.createDirs) makeDirectories(dirname(target), 0o755);
      return this.#write(target, existing, bytes);
    } catch (error) {
      throw error instanceof DestinationError ? error : new DestinationError(this.path, error);
    }
  }

  #write(target: string, existing: Stats | undefined, bytes: Uint8Array): Candidate {
    const { path, fd } = openCandidate(target, existing);
    try {
      writeAll(fd, bytes);
      this.#applyOwnerAndMode(fd, existing);
    } catch (error) {
      closeSync(fd);
      unlinkSync(path);
      throw error;
    }
    return {
      path,
      swap: () => this.#swap(path, fd, target, bytes),
      discard: () => {
        closeSync(fd);
        unlinkSync(path);
      },
    };
  }

  #applyOwnerAndMode(fd: number, existing: Stats | undefined): void {
    const { uid, gid, perms } = this.#attributes(existing);
    const own = fstatSync(fd);
    // Keeping an owner is a best effort; an owner that was asked for is not.
    const isRequired = this.#options.uid >= 0 || this.#options.gid >= 0;
    try {
      applyAttributes(fd, { uid, gid, perms });
    } catch (error) {
      if (isRequired) throw error;
      applyAttributes(fd, { uid: own.uid, gid: own.gid, perms });
    }
  }

  /** What the file shall have: what is configured, else what `existing` has. */
  #attributes(existing: Stats | undefined): Attributes {
    const { perms, uid, gid } = this.#options;
    return {
      uid: uid >= 0 ? uid : (existing?.uid ?? -1),
      gid: gid >= 0 ? gid : (existing?.gid ?? -1),
      perms: perms !== 0 ? perms : existing === undefined ? 0o644 : existing.mode & 0o7777,
    };
  }

  #swap(candidate: string, fd: number, target: string, bytes: Uint8Array): Swap {
    try {
      const previous = this.read();
      const before = previous === undefined ? undefined : statSync(target, { throwIfNoEntry: false });
      if (this.#options.backup && previous !== undefined) keepBackup(target, this.path);
      this.#replace(candidate, target, bytes, previous);
      return {
        previous,
        restore: () => this.#restore(target, previous, before),
        remove: () => unlinkQuietly(target),
        sync: () => syncAndClose(fd, dirname(target)),
      };
    } catch (error) {
      closeSync(fd);
      unlinkQuietly(candidate);
      throw error instanceof DestinationError ? error : new DestinationError(this.path, error);
    }
  }

  #replace(candidate: string, target: string, bytes: Uint8Array, previous: Buffer | undefined): void {
    try {
      renameSync(candidate, target);
    } catch (error) {
      if (errno(error) !== 'EBUSY' && errno(error) !== 'EXDEV') throw error;
      const fd = openSync(target, 'r+');
      try {
        // First: what is secret is never under the old mode.
        this.#applyOwnerAndMode(fd, fstatSync(fd));
        overwrite(fd, bytes, previous);
      } finally {
        closeSync(fd);
      }
      unlinkQuietly(candidate);
    }
  }

  #restore(target: string, previous: Buffer | undefined, before: Stats | undefined): boolean {
    if (previous === undefined || before === undefined) return false;
    const options = {
      ...this.#options,
      perms: before.mode & 0o7777,
      uid: before.uid,
      gid: before.gid,
      backup: false,
    };
    const swap = new Destination({ ...options, path: target }).stage(previous).swap();
    void swap.sync();
    return true;
  }
}

/** The file behind symbolic links, which need not exist. */
function finalTarget(path: string): string {
  let target = resolve(path);
  for (let hops = 0; hops < 40; hops++) {
    const entry = lstatSync(target, { throwIfNoEntry: false });
    if (entry === undefined || !entry.isSymbolicLink()) return target;
    target = resolve(dirname(target), readlinkSync(target));
  }
  throw new DestinationError(path, undefined, 'link-loop');
}

function openCandidate(target: string, existing: Stats | undefined): { path: string; fd: number } {
  const name = hiddenName(basename(target), 'portolan-new');
  const path = join(dirname(target), name);
  try {
    return { path, fd: openNew(path) };
  } catch (error) {
    // The file alone may be writable, as when only it is mounted into a read-only file system.
    if (!['EACCES', 'EPERM', 'EROFS'].includes(errno(error)) || existing === undefined || !isWritable(target))
      throw error;
    const elsewhere = join(tmpdir(), `${name}.${process.pid}`);
    return { path: elsewhere, fd: openNew(elsewhere) };
  }
}

/** Hidden, so that programs which read every file of a directory pass it over. A name has 255 bytes at most. */
export function hiddenName(name: string, end: string): string {
  const isLong = Buffer.byteLength(name) > 240;
  return `.${isLong ? createHash('sha1').update(name).digest('hex') : name}.${end}`;
}

// Exclusive: what a crash left behind is removed, and a planted link is never followed.
function openNew(path: string): number {
  try {
    return openSync(path, 'wx+', 0o600);
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error;
    unlinkSync(path);
    return openSync(path, 'wx+', 0o600);
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length; ) done += writeSync(fd, bytes, done, bytes.length - done, done);
}

interface Attributes {
  /** -1 keeps. */
  readonly uid: number;
  readonly gid: number;
  readonly perms: number;
}

/** Nothing is called for what is right already: only its owner may. */
function applyAttributes(fd: number, { uid, gid, perms }: Attributes): void {
  const own = fstatSync(fd);
  const owner = { uid: uid < 0 ? own.uid : uid, gid: gid < 0 ? own.gid : gid };
  if (owner.uid !== own.uid || owner.gid !== own.gid) fchownSync(fd, owner.uid, owner.gid);
  // After the owner: a change of owner clears set-id bits.
  if ((fstatSync(fd).mode & 0o7777) !== perms) fchmodSync(fd, perms);
}

function keepBackup(target: string, path: string): void {
  const fresh = `${path}.portolan-bak`;
  unlinkQuietly(fresh);
  try {
    linkSync(target, fresh);
  } catch (error) {
    // A file that is mounted by itself, or a file system without hard links.
    if (!['EXDEV', 'EPERM', 'EOPNOTSUPP', 'EMLINK'].includes(errno(error))) throw error;
    copyFileSync(target, fresh);
  }
  renameSync(fresh, `${path}.bak`);
}

// The old blocks are only given up once the new bytes are written, so that a full disk can be undone.
function overwrite(fd: number, bytes: Uint8Array, previous: Buffer | undefined): void {
  try {
    writeAll(fd, bytes);
    ftruncateSync(fd, bytes.length);
  } catch (error) {
    if (previous !== undefined) {
      writeAll(fd, previous);
      ftruncateSync(fd, previous.length);
    }
    throw error;
  }
}

function syncAndClose(fd: number, directory: string): Promise<void> {
  return new Promise((done) => {
    fsync(fd, () => {
      closeSync(fd);
      syncDirectory(directory, done);
    });
  });
}

function syncDirectory(directory: string, done: () => void): void {
  try {
    const fd = openSync(directory, 'r');
    fsync(fd, () => {
      closeSync(fd);
      done();
    });
  } catch {
    done();
  }
}

function unlinkQuietly(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was not there.
  }
}
