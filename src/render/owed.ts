/**
 * Commands that are owed: a file was replaced and its command has not been seen to succeed. The note is made before the
 * replacement and taken away after the success, so that a killed process finds it at its next start.
 * It is not made durable: what survives no power loss has no running service to reload, either.
 */
import { createHash } from 'node:crypto';
import { existsSync, unlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeDirectories } from '../lib/make-directories.ts';

export class OwedCommands {
  readonly #directory: string | undefined;
  readonly #owed = new Set<string>();

  /** Without a directory the notes last as long as the process. */
  constructor(directory: string | undefined) {
    this.#directory = directory;
    if (directory !== undefined) makeDirectories(directory, 0o700);
  }

  /** Notes outlive the process. */
  get isDurable(): boolean {
    return this.#directory !== undefined;
  }

  /** `destination` and `command` together name the debt. */
  has(destination: string, command: string): boolean {
    const name = noteName(destination, command);
    return this.#owed.has(name) || (this.#directory !== undefined && existsSync(join(this.#directory, name)));
  }

  add(destination: string, command: string): void {
    const name = noteName(destination, command);
    if (this.#owed.has(name)) return;
    this.#owed.add(name);
    if (this.#directory === undefined) return;
    writeFileSync(join(this.#directory, name), `${JSON.stringify({ destination, command })}\n`, {
      mode: 0o600,
    });
  }

  settle(destination: string, command: string): void {
    const name = noteName(destination, command);
    this.#owed.delete(name);
    if (this.#directory === undefined) return;
    try {
      unlinkSync(join(this.#directory, name));
    } catch {
      // It was not noted.
    }
  }
}

function noteName(destination: string, command: string): string {
  const digest = createHash('sha256').update(`${destination}\0${command}`).digest('hex');
  return `owed-${digest.slice(0, 32)}`;
}
