/**
 * Files and directories, with everything below them: a call when one of them has changed, appeared or gone. Noticed within
 * some 200 ms where the file system reports changes, and by a look every two seconds where it does not.
 */
import { readdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock, Timer } from './clock.ts';
import { type DirectoryWatch, watchDirectory } from './directory-watch.ts';

/** An editor writes, renames and changes modes: one call tells of all that. */
const quietMs = 200;
const lookEveryMs = 2000;

export interface PathWatchDeps {
  readonly clock: Clock;
  readonly onChange: () => void;
}

export class PathWatch {
  readonly #paths: readonly string[];
  readonly #deps: PathWatchDeps;
  #mark: string;
  #soon: Timer | undefined;
  #slow: Timer;
  #watchers: readonly DirectoryWatch[] = [];

  /** What has changed since `knownAtMs` (wall clock), when the caller read it all, is told soon. */
  constructor(paths: readonly string[], knownAtMs: number, deps: PathWatchDeps) {
    this.#paths = paths;
    this.#deps = deps;
    const { mark, directories, newestMs } = survey(paths);
    this.#mark = newestMs >= knownAtMs ? '' : mark;
    this.#follow(directories);
    this.#slow = this.#lookLater();
    if (newestMs >= knownAtMs) this.#notice();
  }

  close(): void {
    this.#soon?.cancel();
    this.#slow.cancel();
    for (const watcher of this.#watchers) watcher.close();
  }

  #lookLater(): Timer {
    return this.#deps.clock.after(lookEveryMs, () => {
      this.#slow = this.#lookLater();
      this.#look();
    });
  }

  #look(): void {
    const { mark, directories } = survey(this.#paths);
    if (mark === this.#mark) return;
    this.#mark = mark;
    this.#follow(directories);
    this.#deps.onChange();
  }

  #follow(directories: ReadonlySet<string>): void {
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [...directories].map((directory) => watchDirectory(directory, () => this.#notice()));
  }

  #notice(): void {
    this.#soon?.cancel();
    this.#soon = this.#deps.clock.after(quietMs, () => this.#look());
  }
}

interface Survey {
  /** Another one: something has changed. */
  readonly mark: string;
  /** Where changes are reported. */
  readonly directories: ReadonlySet<string>;
  /** When the last of them was written, renamed or deleted, as far as the file system tells; wall clock. */
  readonly newestMs: number;
}

function survey(paths: readonly string[]): Survey {
  const marks: string[] = [];
  const directories = new Set<string>();
  let newestMs = 0;
  const visit = (path: string): void => {
    try {
      const stats = statSync(path);
      // A rename keeps mtime and moves ctime.
      newestMs = Math.max(newestMs, stats.ctimeMs);
      if (stats.isDirectory()) {
        directories.add(path);
        for (const name of readdirSync(path).sort()) visit(join(path, name));
      } else marks.push(`${path} ${stats.size} ${stats.mtimeMs} ${stats.ino}`);
    } catch {
      newestMs = Infinity;
      marks.push(`${path} absent`);
    }
  };
  for (const path of paths) {
    directories.add(dirname(path));
    visit(path);
  }
  return { mark: marks.join('\n'), directories, newestMs };
}
