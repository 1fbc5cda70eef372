import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { check, ttl } from '../health/checks.testkit.ts';
import { aCheck } from '../catalog/catalog.testkit.ts';
import { sameCheck, sameService } from '../catalog/same.ts';
import { rowOf, withTags } from './local.ts';
import { MemoryPersistence } from './persistence-memory.ts';
import { byApi, nodeName, registration, service, self, startWorld, type World } from './registry.testkit.ts';

/**
 * Whatever is done here and whatever others do to this node's rows: after a full sync the rows are the local truth,
 * a second full sync writes nothing, and neither does a restart.
 */

type Step = (world: World) => Promise<unknown>;

const id = fc.constantFrom('a', 'b', 'c');
const status = fc.constantFrom('passing', 'warning', 'critical');
const tags = fc.subarray(['x', 'y']);

const local: fc.Arbitrary<Step> = fc.oneof(
  fc
    .record({
      id,
      tags,
      status,
      name: fc.constantFrom('web', 'db'),
      override: fc.boolean(),
      replace: fc.boolean(),
      n: fc.nat(2),
    })
    .map(
      ({ id: of, tags: with_, status: is, name, override, replace, n }): Step =>
        async ({ registry }) => {
          const checks = Array.from({ length: n }, (_, i) => ttl({ id: `${of}${i}`, status: is }, 3_600_000));
          const part = { name, tags: with_, enableTagOverride: override };
          await registry.registerService(registration(of, checks, part), {
            replaceExistingChecks: replace,
            persist: true,
          });
        },
    ),
  id.map(
    (of): Step =>
      ({ registry }) =>
        registry.deregisterService(of),
  ),
  fc
    .record({ id, n: fc.nat(2), status, output: fc.constantFrom('', 'o', 'p') })
    .map(({ id: of, n, status: is, output }): Step => {
      return ({ registry }) => registry.updateTtlCheck(`${of}${n}`, is, output).catch(() => {});
    }),
  fc.record({ id, of: fc.constantFrom('', 'a', 'b') }).map(({ id: checkId, of }): Step => {
    return ({ registry }) => registry.registerCheck(ttl({ id: checkId, serviceId: of })).catch(() => {});
  }),
  id.map(
    (of): Step =>
      ({ registry }) =>
        registry.deregisterCheck(of),
  ),
  fc.record({ id, on: fc.boolean() }).map(({ id: of, on }): Step => {
    return ({ registry }) => registry.setServiceMaintenance(of, on, '').catch(() => {});
  }),
  id.map(
    (of): Step =>
      ({ registry }) => {
        const alias = check({ type: 'alias', node: '', service: of }, { id: `alias-${of}` });
        return registry.registerCheck(alias);
      },
  ),
  fc.record({ id, status }).map(
    ({ id: of, status: is }): Step =>
      ({ registry }) => {
        const docker = check({ type: 'docker' }, { id: `d${of}`, status: is });
        return registry.applyActions([
          { type: 'register', registration: registration(of, [docker]) },
          { type: 'status', checkId: `d${of}`, status: 'warning', output: 'x' },
        ]);
      },
  ),
  fc.nat(400_000).map(
    (ms): Step =>
      ({ kit }) =>
        kit.clock.advance(ms),
  ),
);

const tampering: fc.Arbitrary<Step> = fc.oneof(
  id.map(
    (of): Step =>
      ({ kit }) =>
        kit.writer.deregister({ node: nodeName, serviceId: of }),
  ),
  id.map(
    (of): Step =>
      ({ kit }) =>
        kit.writer.deregister({ node: nodeName, checkId: `${of}0` }),
  ),
  fc.constant<Step>(({ kit }) => kit.writer.deregister({ node: nodeName })),
  fc.record({ id, tags }).map(
    ({ id: of, tags: with_ }): Step =>
      ({ kit }) => {
        const row = withTags(kit.catalog.rowsOf(nodeName).services.get(of) ?? service(of), with_);
        return kit.writer.register({ node: self.node, skipNodeUpdate: true, service: row, checks: [] });
      },
  ),
  fc.record({ id, status }).map(
    ({ id: of, status: is }): Step =>
      ({ kit }) => {
        const row = aCheck(`${of}0`, '', { status: is, output: 'theirs' });
        return kit.writer.register({ node: self.node, skipNodeUpdate: true, checks: [row] });
      },
  ),
  fc.constant<Step>(({ kit }) => {
    const node = { ...self.node, address: '192.0.2.66' };
    return kit.writer.register({ node, skipNodeUpdate: false, checks: [] });
  }),
);

function assertTruth({ kit, registry }: World): void {
  const rows = kit.catalog.rowsOf(nodeName);
  assert.equal(rows.node?.address, self.node.address);
  assert.deepEqual([...rows.services.keys()].sort(), ['consul', ...registry.services().keys()].sort());
  assert.deepEqual([...rows.checks.keys()].sort(), ['serfHealth', ...registry.checks().keys()].sort());
  for (const [key, here] of registry.services()) assert.ok(sameService(here, rows.services.get(key)!), key);
  for (const [key, here] of registry.checks()) {
    const there = rows.checks.get(key)!;
    // An output alone may still be waiting for its time.
    assert.ok(
      sameCheck(rowOf(here, there.output), there),
      `${key}: ${here.status} here, ${there.status} there`,
    );
  }
}

test('law: the catalog comes back to the local truth, and then nothing is written any more', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.oneof(local, tampering), { maxLength: 25 }), async (steps) => {
      const persistence = new MemoryPersistence();
      const world = await startWorld({ persistence });
      for (const step of steps) await step(world);
      await world.nextFullSync();
      assertTruth(world);
      // Until every output that waited is written, too.
      await world.kit.clock.advance(900_000);
      const before = world.revision();
      await world.nextFullSync();
      assert.equal(world.revision(), before);
      for (const here of world.registry.checks().values()) {
        assert.equal(world.kit.catalog.rowsOf(nodeName).checks.get(here.id)?.output, here.output);
      }
      await world.stop();
    }),
    { numRuns: 60 },
  );
});

test('law: a restart writes nothing, whatever the API has registered', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(local, { maxLength: 15 }), async (steps) => {
      const persistence = new MemoryPersistence();
      const first = await startWorld({ persistence });
      for (const step of steps) await step(first);
      // Containers are found out again by their source, which is not part of this law.
      for (const { id: of, origin } of Array.from(first.registry.services().values())) {
        if (origin === 'source')
          await first.registry.registerService(registration(of), { ...byApi, replaceExistingChecks: true });
      }
      await first.nextFullSync();
      const truth = [...first.registry.services().keys(), ...first.registry.checks().keys()].sort();
      await first.kill();
      const before = first.revision();
      const second = await startWorld({ persistence, kit: first.kit });
      assert.equal(second.revision(), before);
      assert.deepEqual(
        [...second.registry.services().keys(), ...second.registry.checks().keys()].sort(),
        truth,
      );
      assertTruth(second);
      await second.stop();
    }),
    { numRuns: 60 },
  );
});
