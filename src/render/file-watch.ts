/**
 * Local files that templates read: their text, and a call when it changes. Changes in the file's directory are noticed at
 * once where the file system reports them, and by a look every two seconds where it does not.
 */
import { readFileSync, statSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import type { Clock, Timer } from '../lib/clock.ts';
import { type DirectoryWatch, watchDirectory } from '../lib/directory-watch.ts';
import { fromBytes } from '../template/text.ts';

const lookEveryMs = 2000;

export interface FileSubscription {
  /** undefined: the file cannot be read now; `error` says why. */
  current(): { readonly data: string } | undefined;
  readonly error: Error | undefined;
  close(): void;
}

/** Reads the file at once; `onChange` is called after its text has changed, appeared or gone. */
export function watchFile(path: string, clock: Clock, onChange: () => void): FileSubscription {
  return new FileWatch(path, clock, onChange);
}

class FileWatch implements FileSubscription {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #onChange: () => void;
  #text: { readonly data: string } | undefined;
  #error: Error | undefined;
  #mark = '';
  #timer: Timer | undefined;
  readonly #watcher: DirectoryWatch;

  constructor(path: string, clock: Clock, onChange: () => void) {
    this.#path = path;
    this.#clock = clock;
    this.#onChange = onChange;
    this.#watcher = watchDirectory(dirname(path), (name) => {
      if ((name === null || name === basename(path)) && this.#look()) this.#onChange();
    });
    this.#look();
    this.#schedule();
  }

  get error(): Error | undefined {
    return this.#error;
  }

  current(): { readonly data: string } | undefined {
    return this.#text;
  }

  close(): void {
    this.#timer?.cancel();
    this.#watcher.close();
  }

  #schedule(): void {
    this.#timer = this.#clock.after(lookEveryMs, () => {
      if (this.#look()) this.#onChange();
      this.#schedule();
    });
  }

  /** True when what is known of the file has changed. */
  #look(): boolean {
    try {
      const { size, mtimeMs, ino } = statSync(this.#path);
      const mark = `${size}/${mtimeMs}/${ino}`;
      if (mark === this.#mark) return false;
      const data = fromBytes(readFileSync(this.#path));
      this.#mark = mark;
      this.#error = undefined;
      if (this.#text?.data === data) return false;
      this.#text = { data };
      return true;
    } catch (error) {
      const known = this.#text !== undefined;
      this.#mark = '';
      this.#error = error as Error;
      this.#text = undefined;
      return known;
    }
  }
}
