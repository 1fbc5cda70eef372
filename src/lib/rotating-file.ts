/**
 * A log file that is set aside when it is large or old: `NAME.log` becomes `NAME-<nanoseconds>.log`. As Consul's and
 * consul-template's log files. Lines are written at once; a size or an age is looked at before each.
 */
import { closeSync, fstatSync, openSync, readdirSync, renameSync, unlinkSync, writeSync } from 'node:fs';
import { basename, dirname, extname, join } from 'node:path';
import type { Clock } from './clock.ts';

export interface RotatingFileOptions {
  readonly path: string;
  /** 0: size does not matter. */
  readonly maxBytes: number;
  /** 0: age does not matter. */
  readonly maxAgeMs: number;
  /** Old files that are kept; 0: all, -1: none. */
  readonly keep: number;
}

export class RotatingFile {
  readonly #options: RotatingFileOptions;
  readonly #clock: Clock;
  #fd: number;
  #bytes = 0;
  #openedMs = 0;

  /** Appends to a file that exists. Throws the system's error when it can't be opened. */
  constructor(options: RotatingFileOptions, clock: Clock) {
    this.#options = options;
    this.#clock = clock;
    this.#fd = this.#open();
  }

  write(line: string): void {
    if (this.#isDue()) this.#rotate();
    try {
      this.#bytes += writeSync(this.#fd, line);
    } catch {
      // A full disk must not end the program that wants to tell of it.
    }
  }

  /** Goes on in the file that has the name now, for others that set logs aside. Where that can't be, in the old one. */
  reopen(): void {
    try {
      const fd = this.#open();
      closeSync(this.#fd);
      this.#fd = fd;
    } catch {
      // Its directory may be gone, and come back.
    }
  }

  close(): void {
    closeSync(this.#fd);
  }

  #open(): number {
    const fd = openSync(this.#options.path, 'a', 0o640);
    const { size, birthtimeMs } = fstatSync(fd);
    this.#bytes = size;
    this.#openedMs = size === 0 ? this.#clock.wallMs() : birthtimeMs;
    return fd;
  }

  #isDue(): boolean {
    const { maxBytes, maxAgeMs } = this.#options;
    if (this.#bytes === 0) return false;
    const isLarge = maxBytes > 0 && this.#bytes >= maxBytes;
    return isLarge || (maxAgeMs > 0 && this.#clock.wallMs() - this.#openedMs >= maxAgeMs);
  }

  // A file that cannot be set aside is written on: a full line in the wrong file is better than none.
  #rotate(): void {
    const { path } = this.#options;
    const extension = extname(path);
    const name = `${basename(path, extension)}-${BigInt(Math.round(this.#clock.wallMs() * 1000)) * 1000n}${extension}`;
    try {
      renameSync(path, join(dirname(path), name));
      const fd = this.#open();
      closeSync(this.#fd);
      this.#fd = fd;
      this.#prune();
    } catch {
      this.#bytes = 0;
    }
  }

  #prune(): void {
    const { path, keep } = this.#options;
    if (keep === 0) return;
    const extension = extname(path);
    const stem = `${basename(path, extension)}-`;
    const isOld = (name: string): boolean =>
      name.startsWith(stem) &&
      name.endsWith(extension) &&
      /^\d+$/.test(name.slice(stem.length, name.length - extension.length));
    const old = readdirSync(dirname(path)).filter(isOld).sort();
    for (const name of old.slice(0, old.length - Math.max(0, keep))) unlinkSync(join(dirname(path), name));
  }
}
