import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { ManualClock } from '../../src/lib/clock.testkit.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { openDataDir } from '../../src/store/embedded/data-dir.ts';
import { openEmbeddedStore } from '../../src/store/embedded/embedded-store.ts';
import type { Entry } from '../../src/store/store.ts';
import { boundKey, content, rewrittenKey } from './data-v1.testkit.ts';

/** The checkout's folder, wherever the compiled test lies in it. */
function checkout(from: string): string {
  return existsSync(join(from, 'package-lock.json')) ? from : checkout(dirname(from));
}

test('a data directory of format 1 is opened and everything in it is read', async () => {
  const fixture = join(checkout(dirname(fileURLToPath(import.meta.url))), 'test', 'fixtures', 'data-v1');
  const path = await mkdtemp(join(tmpdir(), 'portolan-data-v1-'));
  try {
    await cp(fixture, path, { recursive: true });
    const dir = await openDataDir(path);
    assert.equal(dir.nodeId, '0b0e4a5c-6f0d-4d0e-9f55-0f6f3c1d2a10');
    const clock = new ManualClock();
    const store = await openEmbeddedStore({ path: dir.storePath }, { clock, log: silentLogger });
    const found: Entry[] = [];
    for await (const page of store.read({ prefix: '' })) found.push(...page.entries);
    const values = new Map(found.map(({ key, value }) => [key, Buffer.from(value).toString()]));
    assert.deepEqual(values, new Map(content));

    const newest = Math.max(...found.map(({ modRevision }) => modRevision));
    assert.ok((await store.barrier()) >= newest);
    const rewritten = found.find(({ key }) => key === rewrittenKey);
    assert.ok(rewritten !== undefined && rewritten.createRevision < rewritten.modRevision);
    assert.deepEqual(
      found.filter(({ lease }) => lease !== undefined).map(({ key }) => key),
      [boundKey],
    );

    const batches = store.follow(await store.barrier(), AbortSignal.timeout(10_000))[Symbol.asyncIterator]();
    await clock.advance(3600 * 1000 + 1);
    const batch = await batches.next();
    assert.deepEqual(batch.value?.events, [{ type: 'delete', key: boundKey }]);
    await store.close();
    await dir.close();
  } finally {
    await rm(path, { recursive: true, force: true });
  }
});
