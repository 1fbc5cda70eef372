import { watch } from 'node:fs';

export interface DirectoryWatch {
  close(): void;
}

/**
 * Tells of changes in a directory where the file system reports them; `name` is null where it does not say whose. Nothing is
 * told of a directory that does not exist, or when no watches are left: look now and then, too. A file that is replaced by a
 * rename takes a watch of its own with it; its directory's stays. Does not keep the process alive.
 */
export function watchDirectory(directory: string, onEvent: (name: string | null) => void): DirectoryWatch {
  try {
    const watcher = watch(directory, { persistent: false }, (_event, name) => onEvent(name));
    watcher.on('error', () => watcher.close());
    return watcher;
  } catch {
    return { close: () => {} };
  }
}
