import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { startCatalog } from '../catalog/catalog.testkit.ts';
import { check, http, ttl } from '../health/checks.testkit.ts';
import type { CheckStatus } from '../model/check.ts';
import { MemoryPersistence } from './persistence-memory.ts';
import { byApi, registration, startWorld, type World, type WorldOptions } from './registry.testkit.ts';

const docker = {
  name: 'registrar',
  owns: (service: { meta: Readonly<Record<string, string>> | null }) => service.meta?.['owner'] === 'me',
};
const owned = { meta: { owner: 'me' } };
const own = ['serfHealth passing Agent alive and reachable'];

/** Two lives of one agent over one catalog and one disk. */
async function lives(
  first: (world: World) => Promise<void>,
  second: (world: World, before: number) => Promise<void>,
  options: WorldOptions = {},
): Promise<void> {
  const persistence = new MemoryPersistence();
  const kit = await startCatalog();
  const a = await startWorld({ persistence, kit, ...options });
  await first(a);
  await a.kill();
  const before = a.revision();
  const b = await startWorld({ persistence, kit, ...options });
  try {
    await second(b, before);
  } finally {
    await b.stop();
  }
}

test('a restart with nothing changed moves no index', async () => {
  const container = {
    type: 'register',
    registration: registration('c1', [check({ type: 'docker' }, { id: 'h', status: 'passing' })], owned),
  } as const;
  await lives(
    async ({ registry }) => {
      await registry.registerService(
        registration('web', [
          ttl({ id: 'a' }, 3_600_000),
          check(http('http://127.0.0.1:1/'), { id: 'b', status: 'passing' }),
        ]),
        byApi,
      );
      await registry.updateTtlCheck('a', 'passing', 'one');
      await registry.updateTtlCheck('a', 'passing', 'two');
      await registry.registerCheck(ttl({ id: 'node', name: 'node' }));
      await registry.setServiceMaintenance('web', true, 'why');
      await registry.applyActions([
        container,
        { type: 'status', checkId: 'h', status: 'warning', output: 'hm' },
      ]);
      registry.markSourceReady('registrar');
      await registry.setServiceMaintenance('c1', true, '');
    },
    async ({ registry, revision, kit }, before) => {
      assert.equal(revision(), before);
      const warning = registration('c1', [check({ type: 'docker' }, { id: 'h', status: 'warning' })], owned);
      await registry.applyActions([{ type: 'register', registration: warning }]);
      registry.markSourceReady('registrar');
      await kit.clock.advance(0);
      assert.equal(revision(), before);
      assert.equal(registry.checks().get('h')?.output, 'hm');
      assert.equal(registry.checks().get('a')?.output, 'two');
      assert.equal(registry.checks().get('_service_maintenance:web')?.notes, 'why');
      assert.ok(registry.checks().has('_service_maintenance:c1'));
    },
    { options: { sources: [docker] } },
  );
});

test('a status that comes with its registration says at once what is new, and lets an output alone wait', async () => {
  const put = (id: string): { type: 'register'; registration: ReturnType<typeof registration> } => ({
    type: 'register',
    registration: registration(id, [check({ type: 'docker' }, { id: `h-${id}` })], owned),
  });
  const status = (id: string, word: CheckStatus, output: string) =>
    ({ type: 'status', checkId: `h-${id}`, status: word, output }) as const;
  await lives(
    async ({ registry }) => {
      await registry.applyActions([put('same'), status('same', 'critical', 'first')]);
      await registry.applyActions([put('sick'), status('sick', 'passing', 'fine')]);
      registry.markSourceReady('registrar');
    },
    async ({ registry, revision, checks, kit }, before) => {
      await registry.applyActions([put('same'), status('same', 'critical', 'second')]);
      assert.equal(revision(), before);
      await registry.applyActions([put('sick'), status('sick', 'critical', 'gone')]);
      registry.markSourceReady('registrar');
      await kit.clock.advance(0);
      assert.deepEqual(checks(), ['h-same critical first', 'h-sick critical gone', ...own]);
      await kit.clock.advance(600_000);
      assert.deepEqual(checks(), ['h-same critical second', 'h-sick critical gone', ...own]);
    },
    { options: { sources: [docker] } },
  );
});

test('rows of a source that has not reported stay; those it does not bring again go when it has', async () => {
  await lives(
    async ({ registry }) => {
      registry.markSourceReady('registrar');
      await registry.applyActions(
        ['stays', 'goes'].map((id) => ({
          type: 'register',
          registration: registration(id, [ttl({ id: `check-${id}` })], owned),
        })),
      );
    },
    async ({ registry, services, checks, revision, kit }, before) => {
      await kit.clock.advance(600_000);
      assert.equal(revision(), before);
      assert.equal(services().length, 3);
      await registry.applyActions([
        { type: 'register', registration: registration('stays', [ttl({ id: 'check-stays' })], owned) },
      ]);
      assert.equal(revision(), before);
      registry.markSourceReady('registrar');
      await kit.clock.advance(0);
      assert.deepEqual(services(), ['consul@consul', 'stays@stays']);
      assert.deepEqual(checks(), ['check-stays critical', ...own]);
    },
    { options: { sources: [docker] } },
  );
});

test('what nobody registers any more goes with the first full sync', async () => {
  const file = { services: [registration('from-file', [ttl({ id: 'f' })])], checks: [] };
  const kit = await startCatalog();
  const a = await startWorld({ kit, prepare: (registry) => void registry.configure(file) });
  assert.deepEqual(a.services(), ['consul@consul', 'from-file@from-file']);
  await a.kill();
  const before = a.revision();
  const b = await startWorld({ kit, prepare: (registry) => void registry.configure(file) });
  assert.equal(b.revision(), before);
  await b.kill();
  const c = await startWorld({ kit });
  assert.deepEqual(c.services(), ['consul@consul']);
  assert.deepEqual(c.checks(), own);
  await c.stop();
});

test('files that are read again: what is gone from them goes, the rest stays', async () => {
  const world = await startWorld({
    prepare: (registry) =>
      void registry.configure({
        services: [registration('a'), registration('b')],
        checks: [ttl({ id: 'x' }), ttl({ id: 'y' })],
      }),
  });
  await world.registry.registerService(registration('api'), byApi);
  await world.registry.configure({ services: [registration('b')], checks: [ttl({ id: 'y' })] });
  assert.deepEqual(world.services(), ['api@api', 'b@b', 'consul@consul']);
  assert.deepEqual(world.checks(), [...own, 'y critical']);
  await world.stop();
});

test('a check in a file takes its name as id, and is left out when its service is not there', async () => {
  const checks = [ttl({ id: '', name: 'disk' }), ttl({ id: 'lost', serviceId: 'none' })];
  const world = await startWorld({
    prepare: (registry) => void registry.configure({ services: [], checks }),
  });
  assert.deepEqual(world.checks(), ['disk critical', ...own]);
  await world.registry.configure({ services: [], checks: [] });
  assert.deepEqual(world.checks(), own);
  await world.stop();
});

test('what a file defines wins over what was persisted under its id', async () => {
  const persistence = new MemoryPersistence();
  const kit = await startCatalog();
  const a = await startWorld({ kit, persistence });
  await a.registry.registerService(registration('web', [], { tags: ['api'] }), byApi);
  await a.kill();
  const configured = { services: [registration('web', [], { tags: ['file'] })], checks: [] };
  const b = await startWorld({
    kit,
    persistence,
    prepare: (registry) => void registry.configure(configured),
  });
  assert.deepEqual(b.services(), ['consul@consul', 'web@web file']);
  await b.kill();
  assert.deepEqual((await persistence.load()).services, []);
  await kit.stop();
});

test('a TTL that is still running goes on with what is left of it', async () => {
  await lives(
    async ({ registry, kit }) => {
      await registry.registerService(registration('web', [ttl({ id: 'a' })]), byApi);
      await registry.updateTtlCheck('a', 'passing', 'ok');
      await kit.clock.advance(4000);
    },
    async ({ checks, kit }) => {
      await kit.clock.advance(5999);
      assert.deepEqual(checks(), ['a passing ok', ...own]);
      await kit.clock.advance(1);
      assert.deepEqual(checks(), ['a critical TTL expired (last output before timeout follows): ok', ...own]);
    },
  );
});

test('a TTL that ran out while the agent was away has one more, from its last known status', async () => {
  await lives(
    async ({ registry, kill, kit }) => {
      await registry.registerService(registration('web', [ttl({ id: 'a' })]), byApi);
      await registry.updateTtlCheck('a', 'passing', 'ok');
      await kill();
      await kit.clock.advance(60_000);
    },
    async ({ checks, kit }) => {
      assert.deepEqual(checks(), ['a passing ok', ...own]);
      await kit.clock.advance(10_000);
      assert.deepEqual(checks(), ['a critical TTL expired (last output before timeout follows): ok', ...own]);
    },
  );
});

test('an expiry is not quoted by the next one', async () => {
  await lives(
    async ({ registry, kit }) => {
      await registry.registerService(registration('web', [ttl({ id: 'a', status: 'passing' })]), byApi);
      await kit.clock.advance(10_000);
    },
    async ({ checks, revision, kit }, before) => {
      await kit.clock.advance(60_000);
      assert.deepEqual(checks(), ['a critical TTL expired', ...own]);
      assert.equal(revision(), before);
    },
  );
});

test('a check that runs keeps its last known status until its first result, which counts at once', async (t) => {
  const server = createServer((_request, response) => response.writeHead(500).end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const definition = check(http(url), { id: 'a', status: 'passing', failuresBeforeCritical: 3 });
  await lives(
    async ({ registry }) => registry.registerService(registration('web', [definition]), byApi),
    async ({ checks, registry, kit }) => {
      await kit.clock.advance(4999);
      assert.deepEqual(checks(), ['a passing', ...own]);
      await kit.clock.advance(1);
      for (let i = 0; i < 1000 && registry.checks().get('a')?.status === 'passing'; i++) {
        await new Promise((resolve) => setImmediate(resolve));
      }
      await kit.clock.advance(0);
      assert.deepEqual(checks(), [`a critical HTTP GET ${url}: 500 Internal Server Error Output: `, ...own]);
    },
  );
});

test('a check that the API put on a container waits for it, and goes when it does not come', async () => {
  const persistence = new MemoryPersistence();
  const kit = await startCatalog();
  const options = { sources: [docker] };
  const containers = ['c1', 'c2'].map(
    (id) => ({ type: 'register', registration: registration(id, [], owned) }) as const,
  );
  const a = await startWorld({ kit, persistence, options });
  await a.registry.applyActions(containers);
  for (const id of ['c1', 'c2']) await a.registry.registerCheck(ttl({ id: `on-${id}`, serviceId: id }));
  a.registry.markSourceReady('registrar');
  await a.kill();
  const b = await startWorld({ kit, persistence, options });
  assert.deepEqual([...b.registry.checks().keys()], []);
  await b.registry.applyActions([containers[0]!]);
  assert.deepEqual([...b.registry.checks().keys()], ['on-c1']);
  b.registry.markSourceReady('registrar');
  await kit.clock.advance(0);
  assert.deepEqual(b.checks(), ['on-c1 critical', ...own]);
  await b.kill();
  assert.deepEqual(
    (await persistence.load()).checks.map(({ id }) => id),
    ['on-c1'],
  );
  await kit.stop();
});

test('tags that were overridden survive a restart', async () => {
  const overridable = registration('web', [], { tags: ['mine'], enableTagOverride: true });
  await lives(
    async ({ registry, kit, services, nextFullSync }) => {
      await registry.registerService(overridable, byApi);
      const node = registry.node;
      const service = { ...overridable.service, tags: ['theirs'] };
      await kit.writer.register({ node, skipNodeUpdate: true, service, checks: [] });
      await nextFullSync();
      assert.deepEqual(services(), ['consul@consul', 'web@web theirs']);
      assert.deepEqual(registry.service('web')?.tags, ['theirs']);
    },
    async ({ registry, revision }, before) => {
      assert.equal(revision(), before);
      assert.deepEqual(registry.service('web')?.tags, ['theirs']);
    },
  );
});

test('without a disk nothing is restored, and calls before the start wait for it', async () => {
  const kit = await startCatalog();
  const a = await startWorld({ kit });
  await a.registry.registerService(registration('web'), byApi);
  await a.kill();
  let early: Promise<void> | undefined;
  const b = await startWorld({
    kit,
    prepare: (registry) => {
      early = registry.registerService(registration('early'), byApi);
    },
  });
  await early;
  await b.kit.clock.advance(0);
  assert.deepEqual(b.services(), ['consul@consul', 'early@early']);
  await b.stop();
});
