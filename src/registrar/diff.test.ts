import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { HealthStatus } from '../docker/docker.ts';
import { container, port } from '../docker/scripted-engine.testkit.ts';
import { desiredServices, type DesiredService } from './desired.ts';
import { diffServices } from './diff.ts';
import { foreignService, MemoryTarget } from './memory-target.testkit.ts';
import { defaultDesiredOptions } from './options.ts';

const names = ['a', 'b', 'c', 'd'] as const;
const options = { ...defaultDesiredOptions, nodeName: 'n' };

type World = ReadonlyMap<string, DesiredService>;

const world = (registrar: string): fc.Arbitrary<World> =>
  fc
    .array(
      fc.record({
        name: fc.constantFrom(...names),
        hostPort: fc.integer({ min: 1, max: 3 }),
        health: fc.constantFrom<HealthStatus>('none', 'starting', 'healthy', 'unhealthy'),
        healthOutput: fc.constantFrom('', 'x', 'y'),
      }),
    )
    .map((list) => {
      const services = list.flatMap(({ name, hostPort, ...health }) => {
        const one = container(name, { ports: [port(80, hostPort)], ...health });
        return desiredServices(one, options, registrar, () => undefined).services;
      });
      return new Map(services.map((service) => [service.id, service]));
    });

async function fill(target: MemoryTarget, desired: World, registrar: string): Promise<number> {
  const ids = new Set([...desired.keys(), ...target.held.keys()]);
  const { actions } = diffServices(
    ids,
    (id) => desired.get(id),
    (id) => target.held.get(id),
    registrar,
    () => true,
  );
  await target.apply(actions);
  return actions.length;
}

test('applying a diff leaves nothing to do, from any state to any other, and touches nothing of others', async () => {
  await fc.assert(
    fc.asyncProperty(world('r'), world('r'), world('other'), async (before, after, others) => {
      const target = new MemoryTarget();
      target.held.set('n:z:80', foreignService('n:z:80'));
      await fill(target, others, 'other');
      const kept = new Map(target.held);
      await fill(target, before, 'r');
      await fill(target, after, 'r');
      assert.equal(await fill(target, after, 'r'), 0);
      for (const [id, held] of kept) assert.deepEqual(target.held.get(id), held);
      for (const [id, { hash, docker }] of after) {
        if (kept.has(id)) continue;
        assert.equal(target.held.get(id)?.service.meta?.['portolan-hash'], hash);
        assert.equal(target.held.get(id)?.docker?.status, docker.status);
      }
      const own = [...target.held.keys()].filter((id) => !kept.has(id));
      assert.deepEqual(own.sort(), [...after.keys()].filter((id) => !kept.has(id)).sort());
    }),
  );
});

test('what may not be removed yet stays', () => {
  const [service] = desiredServices(
    container('a', { ports: [port(80, 1)] }),
    options,
    'r',
    () => undefined,
  ).services;
  const held = { service: service!.registration.service, docker: { status: 'passing', output: '' } };
  const diff = (mayRemove: boolean): number =>
    diffServices(
      ['n:a:80'],
      () => undefined,
      () => held,
      'r',
      () => mayRemove,
    ).actions.length;
  assert.equal(diff(false), 0);
  assert.equal(diff(true), 1);
});

test('another output of a passing check is no news, of a critical one it is', () => {
  const parts = { ports: [port(80, 1)] };
  const want = (health: HealthStatus, healthOutput: string): DesiredService =>
    desiredServices(container('a', { ...parts, health, healthOutput }), options, 'r', () => undefined)
      .services[0]!;
  const types = (desired: DesiredService, status: string): string[] => {
    const held = { service: desired.registration.service, docker: { status, output: 'before' } };
    return diffServices(
      [desired.id],
      () => desired,
      () => held,
      'r',
      () => true,
    ).actions.map(({ type }) => type);
  };
  assert.deepEqual(types(want('healthy', 'now'), 'passing'), []);
  assert.deepEqual(types(want('healthy', 'now'), 'critical'), ['status']);
  assert.deepEqual(types(want('unhealthy', 'now'), 'critical'), ['status']);
  assert.deepEqual(types(want('unhealthy', 'before'), 'critical'), []);
});
