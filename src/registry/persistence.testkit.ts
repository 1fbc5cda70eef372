import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, http, ttl } from '../health/checks.testkit.ts';
import { LocalService } from './local.ts';
import type { Persistence } from './persistence.ts';
import { service } from './registry.testkit.ts';

/** What every persistence promises. `reopen` closes what it is given and opens the same records again. */
export function persistenceConformance(
  name: string,
  engine: { open(): Promise<Persistence>; reopen(persistence: Persistence): Promise<Persistence> },
): void {
  const durable = { durable: true };

  test(`${name}: a new one is empty`, async () => {
    const persistence = await engine.open();
    const { services, checks, ttls, unreadable } = await persistence.load();
    assert.deepEqual([services, checks, ttls.size, unreadable], [[], [], 0, []]);
    await persistence.close();
  });

  test(`${name}: what was written is loaded, with every field`, async () => {
    const web = service('web/ü', {
      tags: ['a'],
      meta: { k: 'v' },
      taggedAddresses: { wan: { address: 'x', port: 1 } },
    });
    const definition = check(http('http://x/', { headers: { A: ['b'] } }), { id: 'c', serviceId: 'web/ü' });
    const state = { status: 'passing', output: 'line one\nline two', expiresAtMs: 5 };
    const first = await engine.open();
    await first.write(
      [
        { type: 'service', id: web.id, value: new LocalService({ ...web, origin: 'api' }, web) },
        { type: 'check', id: 'c', value: definition },
        { type: 'ttl', id: 'c', value: state },
      ],
      durable,
    );
    const second = await engine.reopen(first);
    const loaded = await second.load();
    assert.deepEqual(loaded.services, [web]);
    assert.deepEqual(loaded.checks, [definition]);
    assert.deepEqual([...loaded.ttls], [['c', state]]);
    await second.close();
  });

  test(`${name}: writes apply in order, removals too, and kinds do not mix`, async () => {
    const first = await engine.open();
    await first.write([{ type: 'check', id: 'x', value: ttl({ id: 'x', notes: 'old' }) }], durable);
    await first.write([{ type: 'check', id: 'x', value: ttl({ id: 'x', notes: 'new' }) }], {
      durable: false,
    });
    await first.write([{ type: 'service', id: 'x', value: service('x') }], durable);
    await first.write([{ type: 'service', id: 'x', value: null }], durable);
    await first.write([{ type: 'service', id: 'never', value: null }], durable);
    const second = await engine.reopen(first);
    const loaded = await second.load();
    assert.deepEqual(loaded.services, []);
    assert.deepEqual(
      loaded.checks.map(({ notes }) => notes),
      ['new'],
    );
    await second.close();
  });
}
