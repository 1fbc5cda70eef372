/**
 * The data directory of one agent.
 *
 *     VERSION        the number of the format in use
 *     LOCK           who holds the directory (lock-file.ts)
 *     node-id        the UUID of this node, made once
 *     v<format>/     the data in that format: store/ (LevelDB) and registry/ (what the registry keeps)
 *
 * An older format is migrated into a new v<format>/, which is verified and renamed into place; writing VERSION then
 * makes it count. The old one is kept. It all happens inside the directory, which may be a mount point.
 */
import { randomUUID } from 'node:crypto';
import { access, constants, mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';

import { StoreError } from '../store.ts';
import { writeDurably } from './durable-file.ts';
import { lockDirectory } from './lock-file.ts';
import { currentFormat, migrations } from './migrations.ts';
import type { Migration } from './migrations.ts';

export interface DataDir {
  readonly path: string;
  /** The UUID of this node. */
  readonly nodeId: string;
  /** Where openEmbeddedStore keeps its LevelDB. */
  readonly storePath: string;
  /** Where the registry keeps its files; it exists. */
  readonly registryPath: string;
  /** Lets others open the directory. Close the store first. */
  close(): Promise<void>;
}

export interface DataDirOptions {
  /** The format to open and the steps that lead to it; default: those of this release. */
  readonly format?: number;
  readonly migrations?: Readonly<Record<number, Migration>>;
}

/** Opens the directory, making what is missing. Throws StoreError `data-dir`, whose message says what to do. */
export async function openDataDir(path: string, options: DataDirOptions = {}): Promise<DataDir> {
  const wanted = options.format ?? currentFormat;
  try {
    await mkdir(path, { recursive: true, mode: 0o700 });
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
    await refuseForeign(path);
    const lock = await lockDirectory(path);
    try {
      await reachFormat(path, wanted, options.migrations ?? migrations);
      const nodeId = await readNodeId(path);
      const registryPath = join(dataPath(path, wanted), 'registry');
      await mkdir(registryPath, { recursive: true, mode: 0o700 });
      return {
        path,
        nodeId,
        storePath: join(dataPath(path, wanted), 'store'),
        registryPath,
        close: () => lock.release(),
      };
    } catch (error) {
      await lock.release();
      throw error;
    }
  } catch (error) {
    throw asStoreError(path, error);
  }
}

function dataPath(path: string, format: number): string {
  return join(path, `v${format}`);
}

/** A directory that others use is left as it is. */
async function refuseForeign(path: string): Promise<void> {
  const names = await readdir(path);
  if (names.includes('VERSION')) return;
  // What a first start that was cut short, or a fresh file system, may leave.
  const foreign = names.filter(
    (name) => !['LOCK', 'VERSION.tmp', 'lost+found'].includes(name) && !name.startsWith('LOCK.'),
  );
  if (foreign.length === 0) return;
  const some = foreign.slice(0, 3).join(', ') + (foreign.length > 3 ? ', ...' : '');
  throw new StoreError(
    'data-dir',
    `${path} is not a data directory of Portolan, and it is not empty (${some}). Give an empty directory.`,
  );
}

async function reachFormat(
  path: string,
  wanted: number,
  steps: Readonly<Record<number, Migration>>,
): Promise<void> {
  const found = await readFormat(path);
  if (found === undefined) return writeFormat(path, wanted);
  if (found === wanted) return;
  if (found > wanted) {
    throw new StoreError(
      'data-dir',
      `The data in ${path} have format ${found}; this Portolan knows formats up to ${wanted}. Use a newer Portolan.`,
    );
  }
  await migrate(path, found, wanted, steps);
}

async function readFormat(path: string): Promise<number | undefined> {
  const text = await readIfThere(join(path, 'VERSION'));
  if (text === undefined) return undefined;
  if (/^\d{1,9}\n?$/.test(text)) return Number(text);
  throw new StoreError(
    'data-dir',
    `${join(path, 'VERSION')} should hold the number of a data format and holds ${JSON.stringify(text.slice(0, 40))}.`,
  );
}

async function writeFormat(path: string, format: number): Promise<void> {
  await writeDurably(join(path, 'VERSION'), `${format}\n`);
}

async function migrate(
  path: string,
  found: number,
  wanted: number,
  steps: Readonly<Record<number, Migration>>,
): Promise<void> {
  for (let format = found; format < wanted; format++) {
    const step = steps[format];
    if (step === undefined) {
      throw new StoreError(
        'data-dir',
        `The data in ${path} have format ${found}, which this Portolan (format ${wanted}) can't migrate.`,
      );
    }
    const [from, to] = [dataPath(path, format), dataPath(path, format + 1)];
    // Leftovers of a migration that was cut short: VERSION does not name them.
    await rm(`${to}.tmp`, { recursive: true, force: true });
    await rm(to, { recursive: true, force: true });
    await mkdir(`${to}.tmp`, { mode: 0o700 });
    await step.migrate(from, `${to}.tmp`);
    await step.verify(from, `${to}.tmp`);
    await rename(`${to}.tmp`, to);
    if (format > found) await rm(from, { recursive: true, force: true });
  }
  await writeFormat(path, wanted);
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

async function readNodeId(path: string): Promise<string> {
  const file = join(path, 'node-id');
  const found = (await readIfThere(file))?.trim().toLowerCase();
  if (found === undefined) {
    const nodeId = randomUUID();
    await writeDurably(file, `${nodeId}\n`);
    return nodeId;
  }
  if (uuid.test(found)) return found;
  throw new StoreError(
    'data-dir',
    `${file} should hold a UUID and holds ${JSON.stringify(found.slice(0, 40))}.`,
  );
}

async function readIfThere(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function asStoreError(path: string, error: unknown): StoreError {
  if (error instanceof StoreError) return error;
  const code = codeOf(error);
  const reason = error instanceof Error ? error.message : String(error);
  const message =
    code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
      ? `The data directory ${path} can't be written (${code}). Change its owner, or choose another directory.`
      : `The data directory ${path} can't be used: ${reason}. Choose another directory.`;
  return new StoreError('data-dir', message, { cause: error });
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
