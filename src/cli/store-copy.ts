import type { Command } from 'commander';
import { copyRules } from '../agent/copy-rules.ts';
import { systemClock } from '../lib/clock.ts';
import { formatColumns } from '../lib/columns.ts';
import { silentLogger } from '../lib/log.ts';
import { CopyError, type CopyErrorCode, copyStore, type CopyReport } from '../store/copy.ts';
import { openOffset } from '../store/offset.ts';
import { StoreError } from '../store/store.ts';
import { CliError, examples, exitCodes, type Io } from './command.ts';
import { type EtcdFlags, openPlace } from './store-places.ts';
import { StoreProgress } from './store-progress.ts';

interface CopyFlags extends EtcdFlags {
  readonly from: string;
  readonly to: string;
  readonly force?: boolean;
  readonly startOver?: boolean;
  readonly json?: boolean;
}

export function defineStoreCopy(parent: Command, io: Io, exit: (code: number) => void): void {
  const command = parent
    .command('copy')
    .description(
      'Move the catalog and the keys to another store, while the agents of both are stopped. Every row is counted and ' +
        'compared; a copy that was broken off is run again. Sessions end and their locks are released.',
    )
    .requiredOption('--from <store>', 'embedded:DIR, or etcd://[user:password@]host:port,host:port/prefix')
    .requiredOption('--to <store>', 'the same; it must be empty, or bear the mark of this copy')
    .option('--force', 'copy although agents live on the source: what they write meanwhile is lost')
    .option('--start-over', 'remove an unfinished copy of another state from the target first')
    .option('--user <name>', 'user of etcd')
    .option('--password <text>', 'password of etcd')
    .option('--ca-file <file>', 'certificates that etcd’s are checked with')
    .option('--cert-file <file>', 'own certificate for etcd')
    .option('--key-file <file>', 'key of the own certificate')
    .option('--json', 'print what was copied as JSON, and no progress');
  examples(command, [
    'portolan store copy --from embedded:/var/lib/portolan --to etcd://etcd1:2379,etcd2:2379/portolan',
    'portolan store copy --from etcd://etcd1:2379/portolan --to embedded:/var/lib/portolan',
    'portolan store copy --from embedded:/old --to embedded:/new --json',
  ]);
  exitCodes(
    command,
    '0 the target holds all that was to be copied; 1 broken off: run it again, no agent starts on half a copy; ' +
      '2 refused, nothing was written',
  );
  command.action(async (flags: CopyFlags) => exit(await copy(flags, io)));
}

async function copy(flags: CopyFlags, io: Io): Promise<number> {
  const progress = new StoreProgress(
    { isTerminal: process.stderr.isTTY },
    { write: flags.json === true ? () => undefined : io.err, clock: systemClock },
  );
  try {
    const report = await between(flags, io, progress);
    progress.end();
    io.out(flags.json === true ? `${JSON.stringify(report, undefined, 2)}\n` : told(report));
    return 0;
  } catch (error) {
    progress.end();
    if (error instanceof CopyError) throw new CliError(`portolan: ${error.message}`, exitCodeOf[error.code]);
    if (error instanceof StoreError) {
      const refused = error.code === 'data-dir' || error.code === 'unfinished';
      throw new CliError(`portolan: ${error.message}`, refused ? 2 : 1);
    }
    throw error;
  }
}

const exitCodeOf: Readonly<Record<CopyErrorCode, 1 | 2>> = {
  'source-live': 2,
  'unknown-rows': 2,
  'target-taken': 2,
  'other-copy': 2,
  'too-large': 2,
  'source-changed': 1,
  'target-changed': 1,
  'broken-off': 1,
};

async function between(flags: CopyFlags, io: Io, progress: StoreProgress): Promise<CopyReport> {
  const source = await openPlace('--from', flags.from, flags, silentLogger);
  try {
    const target = await openPlace('--to', flags.to, flags, silentLogger);
    try {
      const options = {
        sourceIsHeld: source.isHeld,
        force: flags.force === true,
        startOver: flags.startOver === true,
      };
      return await copyStore(options, {
        from: await openOffset(source.store),
        to: target.store,
        rules: copyRules,
        signal: io.signal,
        onProgress: (now) => progress.show(now),
      });
    } finally {
      await target.close();
    }
  } finally {
    await source.close();
  }
}

function told({ rows, bytes, kinds, written, indexBase, digest }: CopyReport): string {
  const counts = formatColumns([
    ['Kind', 'Rows'],
    ...Object.entries(kinds).map(([kind, count]) => [names[kind] ?? kind, String(count)]),
  ]);
  const did = written === 0 ? 'was already whole' : 'is whole';
  return `${counts}The target ${did}: ${rows} rows, ${bytes} bytes, compared (sha256 ${digest}). Indexes go on above ${indexBase}.\n`;
}

const names: Readonly<Record<string, string>> = {
  'n/': 'nodes',
  's/': 'services',
  'u/': 'checks',
  'kv/': 'keys',
  'member/': 'agents',
};
