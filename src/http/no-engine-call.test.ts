import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pool } from 'undici';
import { systemClock } from '../lib/clock.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import { startHttp } from './http.testkit.ts';

/** A store that counts what it is asked for. */
class CountingStore extends MemoryStore {
  calls = 0;

  override read(...args: Parameters<MemoryStore['read']>): ReturnType<MemoryStore['read']> {
    this.calls++;
    return super.read(...args);
  }

  override commit(...args: Parameters<MemoryStore['commit']>): ReturnType<MemoryStore['commit']> {
    this.calls++;
    return super.commit(...args);
  }

  override barrier(): Promise<number> {
    this.calls++;
    return super.barrier();
  }
}

test('10,000 reads make no call of the engine, also those that are new, parked or answered from a cache', async () => {
  const store = new CountingStore({}, { clock: systemClock });
  const kit = await startHttp({ store, http: { maxConnectionsPerClient: 0 } });
  const pool = new Pool(kit.url, { connections: 8, pipelining: 16 });
  // A parked query would hold up what is sent after it on its connection.
  const parking = new Pool(kit.url, { connections: 20, pipelining: 1 });
  const get = async (path: string, by = pool): Promise<number> => {
    const { statusCode, body, headers } = await by.request({ path, method: 'GET' });
    await body.dump();
    assert.ok(statusCode === 200 || statusCode === 404, `${path}: ${statusCode}`);
    return Number(headers['x-consul-index']);
  };
  try {
    await kit.kv.put('a', Buffer.from('1'), 0n);
    const index = await get('/v1/kv/a');
    const parked = Array.from({ length: 20 }, () => get(`/v1/kv/a?index=${index}&wait=60s`, parking));
    const before = store.calls;
    const paths = [
      '/v1/kv/a',
      '/v1/kv/none',
      '/v1/kv/?keys&stale',
      '/v1/catalog/nodes',
      '/v1/catalog/services?cached',
      '/v1/health/service/consul?passing',
      '/v1/kv/a?index=1&wait=1s',
      '/v1/agent/services',
    ];
    for (let done = 0; done < 10_000; done += 500) {
      // Each round asks half of its questions for the first time.
      await Promise.all(
        Array.from({ length: 500 }, (_, i) => {
          const path = paths[i % paths.length]!;
          return get(i % 2 === 0 ? path : `${path}${path.includes('?') ? '&' : '?'}round=${done}-${i}`);
        }),
      );
    }
    assert.equal(store.calls, before);
    await kit.kv.put('a', Buffer.from('2'), 0n);
    assert.ok((await Promise.all(parked)).every((moved) => moved > index));
  } finally {
    await Promise.all([pool.close(), parking.close()]);
    await kit.stop();
  }
});
