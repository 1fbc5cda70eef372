/**
 * Answers on disk, for a start without the server. One file a query; each is written beside itself and renamed into its
 * place, so that it is old or new. What can't be read (torn, of another version, of another question) is as if it were
 * not there. All together are bounded; the oldest go first.
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface SavedAnswer {
  readonly data: unknown;
  /** Wall clock, milliseconds. */
  readonly savedAtMs: number;
}

export interface LastGoodStoreOptions {
  readonly directory: string;
  /** All files together; default 64 MiB. */
  readonly mostBytes?: number;
  /** One answer; default 8 MiB. */
  readonly mostAnswerBytes?: number;
}

/** `missing`: never saved. Anything else is a sentence. */
export type LoadProblem = 'missing' | { readonly problem: string };

const version = 1;
const defaultMostBytes = 64 * 1024 * 1024;
const defaultMostAnswerBytes = 8 * 1024 * 1024;
/** Longer lists take too long to write in one go. */
const mostRows = 20_000;

export class LastGoodStore {
  readonly #directory: string;
  readonly #mostBytes: number;
  readonly #mostAnswerBytes: number;
  /** Bytes by file name, oldest first. */
  #files: Map<string, number> | undefined;

  constructor(options: LastGoodStoreOptions) {
    this.#directory = options.directory;
    this.#mostBytes = options.mostBytes ?? defaultMostBytes;
    this.#mostAnswerBytes = options.mostAnswerBytes ?? defaultMostAnswerBytes;
  }

  /** False: too large to be kept, and the one before is gone. Throws what the file system says. */
  async save(question: string, data: unknown, nowMs: number): Promise<boolean> {
    const files = (this.#files ??= await this.#list());
    const name = fileName(question);
    const body = Array.isArray(data) && data.length > mostRows ? undefined : encode(data);
    if (body === undefined || body.length > this.#mostAnswerBytes) {
      files.delete(name);
      await rm(join(this.#directory, name), { force: true });
      return false;
    }
    const head = JSON.stringify({ version, question, savedAtMs: nowMs, digest: digest(body) });
    const text = `${head}\n${body}\n`;
    const draft = join(this.#directory, `.${name}.${process.pid}.tmp`);
    try {
      await writeFile(draft, text, { mode: 0o600 });
      await rename(draft, join(this.#directory, name));
    } catch (error) {
      // Perhaps the directory is gone.
      this.#files = undefined;
      await rm(draft, { force: true });
      throw error;
    }
    files.delete(name);
    files.set(name, text.length);
    await this.#trim(files);
    return true;
  }

  async load(question: string): Promise<SavedAnswer | LoadProblem> {
    const name = fileName(question);
    let text: string;
    try {
      text = await readFile(join(this.#directory, name), 'utf8');
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return code === 'ENOENT' ? 'missing' : { problem: message };
    }
    try {
      return parse(text, question);
    } catch (error) {
      return { problem: `${name}: ${(error as Error).message}` };
    }
  }

  async #list(): Promise<Map<string, number>> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const found: { name: string; size: number; at: number }[] = [];
    for (const name of await readdir(this.#directory)) {
      // A draft whose writer was killed.
      if (name.endsWith('.tmp')) await rm(join(this.#directory, name), { force: true });
      if (!name.endsWith('.answer')) continue;
      const { size, mtimeMs } = await stat(join(this.#directory, name));
      found.push({ name, size, at: mtimeMs });
    }
    return new Map(found.sort((a, b) => a.at - b.at).map(({ name, size }) => [name, size]));
  }

  async #trim(files: Map<string, number>): Promise<void> {
    let bytes = 0;
    for (const size of files.values()) bytes += size;
    for (const [name, size] of files) {
      if (bytes <= this.#mostBytes) return;
      files.delete(name);
      bytes -= size;
      await rm(join(this.#directory, name), { force: true });
    }
  }
}

function parse(text: string, question: string): SavedAnswer {
  const end = text.indexOf('\n');
  const head = JSON.parse(text.slice(0, Math.max(end, 0))) as Record<string, unknown>;
  if (head['version'] !== version) throw new Error(`it is of version ${String(head['version'])}`);
  if (head['question'] !== question) throw new Error('it answers another question');
  const body = text.slice(end + 1, -1);
  if (head['digest'] !== digest(body)) throw new Error('it is damaged');
  return { data: decode(body), savedAtMs: Number(head['savedAtMs']) };
}

function fileName(question: string): string {
  return `${createHash('sha256').update(question).digest('hex').slice(0, 40)}.answer`;
}

function digest(body: string): string {
  return createHash('sha256').update(body).digest('hex');
}

/** Flags of keys are bigints; the mark can't be mistaken: answers have no field of that name. */
const bigMark = '$bigint';

function encode(data: unknown): string {
  return JSON.stringify(data ?? null, (_key, value: unknown) =>
    typeof value === 'bigint' ? { [bigMark]: value.toString() } : value,
  );
}

function decode(body: string): unknown {
  return JSON.parse(body, (_key, value: unknown) => {
    if (typeof value !== 'object' || value === null || !(bigMark in value)) return value;
    return BigInt(String(value[bigMark]));
  });
}
