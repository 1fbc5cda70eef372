/**
 * The content of test/fixtures/data-v1, a data directory as format 1 was released. `node data-v1.testkit.js DIR`
 * makes such a directory; the fixture itself is never made anew, it stands for what users have.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';

import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { openDataDir } from '../../src/store/embedded/data-dir.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import type { Operation } from '../../src/store/store.ts';

/** Key -> value of all entries of the fixture. */
export const content: ReadonlyMap<string, string> = new Map([
  ...Array.from({ length: 300 }, (_, i): [string, string] => [`rows/${i}`, `row ${i}`.repeat(20)]),
  ['bound', 'on a lease of an hour'],
  ['empty', ''],
  ['rewritten', 'second'],
  ['ключ/😀', 'keys are UTF-8'],
]);
/** The key whose entry hangs on a lease. */
export const boundKey = 'bound';
/** The key that was put twice. */
export const rewrittenKey = 'rewritten';

async function make(path: string): Promise<void> {
  const dir = await openDataDir(path);
  const store = await openEmbeddedStore({ path: dir.storePath }, { clock: systemClock, log: silentLogger });
  const lease = await store.lease(3600);
  const put = (key: string, value: string): Operation =>
    key === boundKey
      ? { put: key, value: Buffer.from(value), lease: lease.id }
      : { put: key, value: Buffer.from(value) };
  await store.commit({ then: [put(rewrittenKey, 'first'), put('deleted', 'x')] });
  await store.commit({ then: [{ delete: 'deleted' }] });
  await store.commit({ then: [...content].map(([key, value]) => put(key, value)) });
  await store.commit({ then: [put('rows/0', 'derived')], rederivable: true });
  await store.commit({ then: [put('rows/0', content.get('rows/0') ?? '')] });
  await store.close();
  // Opened again, LevelDB has both a table and a log.
  const again = await openEmbeddedStore({ path: dir.storePath }, { clock: systemClock, log: silentLogger });
  await again.commit({ then: [put('rows/1', 'first')] });
  await again.commit({ then: [put('rows/1', content.get('rows/1') ?? '')] });
  await again.close();
  await dir.close();
  // LevelDB's own diary and its lock file are no data.
  for (const name of ['LOG', 'LOG.old', 'LOCK']) await rm(join(dir.storePath, name), { force: true });
}

const [, program = '', path] = process.argv;
if (program.endsWith('data-v1.testkit.js') && path !== undefined) await make(path);
