import assert from 'node:assert/strict';
import { test } from 'node:test';
import { check, ttl } from '../health/checks.testkit.ts';
import type { RegistryError } from './errors.ts';
import {
  byApi,
  registration,
  service,
  startWorld,
  type WorldOptions,
  type World,
} from './registry.testkit.ts';

const ownChecks = ['serfHealth passing Agent alive and reachable'];
const ownServices = ['consul@consul'];

function world(name: string, run: (world: World) => Promise<void>, options: WorldOptions = {}): void {
  test(name, async () => {
    const started = await startWorld(options);
    try {
      await run(started);
    } finally {
      await started.stop();
    }
  });
}

function code(wanted: string, text?: string | RegExp): (error: RegistryError) => boolean {
  return (error) => {
    assert.equal(error.code, wanted);
    if (typeof text === 'string') assert.equal(error.message, text);
    return true;
  };
}

world(
  'the agent puts its node, its own service and serfHealth into the catalog',
  async ({ kit, services, checks, registry }) => {
    const { node } = kit.catalog.rowsOf('n1');
    assert.deepEqual(node?.taggedAddresses, {
      lan: '192.0.2.1',
      lan_ipv4: '192.0.2.1',
      wan: '192.0.2.1',
      wan_ipv4: '192.0.2.1',
    });
    assert.deepEqual(node?.meta, { 'consul-network-segment': '' });
    assert.deepEqual(services(), ownServices);
    assert.deepEqual(checks(), ownChecks);
    assert.equal(registry.services().size, 0);
    assert.equal(registry.checks().size, 0);
  },
);

world(
  'a registered service and its checks are in the catalog when the call returns',
  async ({ registry, ...w }) => {
    await registry.registerService(registration('web', [ttl({ id: '', name: '' })], { tags: ['a'] }), byApi);
    assert.deepEqual(w.services(), [...ownServices, 'web@web a']);
    assert.deepEqual(w.checks(), [...ownChecks, 'service:web critical']);
    const row = w.kit.catalog.rowsOf('n1').checks.get('service:web')!;
    assert.deepEqual(
      [row.name, row.type, row.serviceName, row.interval],
      ["Service 'web' check", 'ttl', 'web', '0s'],
    );
  },
);

world('one commit carries a service with its checks, in and out', async ({ registry, ...w }) => {
  const before = w.revision();
  await registry.registerService(registration('web', [ttl({ id: 'a' }), ttl({ id: 'b' })]), byApi);
  assert.equal(w.revision(), before + 1);
  assert.equal(await registry.deregisterService('web'), true);
  assert.equal(w.revision(), before + 2);
  assert.deepEqual(w.checks(), ownChecks);
  assert.deepEqual(w.services(), ownServices);
  assert.equal(await registry.deregisterService('web'), false);
});

world('the same registration again moves no index', async ({ registry, revision }) => {
  await registry.registerService(registration('web', [ttl({ id: 'a' })]), byApi);
  const before = revision();
  await registry.registerService(registration('web', [ttl({ id: 'a' })]), byApi);
  assert.equal(revision(), before);
});

world(
  'a registration heals at once what somebody else did to its rows',
  async ({ registry, kit, services }) => {
    await registry.registerService(registration('web'), byApi);
    await kit.writer.deregister({ node: 'n1', serviceId: 'web' });
    assert.deepEqual(services(), ownServices);
    await registry.registerService(registration('web'), byApi);
    assert.deepEqual(services(), [...ownServices, 'web@web']);
  },
);

world('checks that are not listed stay, unless they are to be replaced', async ({ registry }) => {
  const ids = (): string[] => [...registry.checks().keys()].sort();
  await registry.registerService(registration('web', [ttl({ id: 'a' }), ttl({ id: 'b' })]), byApi);
  await registry.registerService(registration('web', [ttl({ id: 'c' })]), byApi);
  assert.deepEqual(ids(), ['a', 'b', 'c']);
  await registry.setServiceMaintenance('web', true, '');
  await registry.registerService(registration('web', [ttl({ id: 'c' })]), {
    ...byApi,
    replaceExistingChecks: true,
  });
  assert.deepEqual(ids(), ['_service_maintenance:web', 'c']);
});

world('a check that is registered again keeps its status', async ({ registry, checks }) => {
  await registry.registerService(registration('web', [ttl({ id: 'a', status: 'passing' })]), byApi);
  await registry.updateTtlCheck('a', 'warning', 'hm');
  await registry.registerService(registration('web', [ttl({ id: 'a', status: 'critical' })]), byApi);
  await registry.registerCheck(ttl({ id: 'a', name: 'renamed', serviceId: 'web', status: 'critical' }));
  assert.deepEqual(checks(), ['a warning hm', ...ownChecks]);
  assert.equal(registry.checks().get('a')?.name, 'renamed');
});

world('a service under a new name takes its checks along', async ({ registry, kit }) => {
  await registry.registerService(registration('id', [ttl({ id: 'a' })], { name: 'old' }), byApi);
  await registry.registerService(registration('id', [], { name: 'new' }), byApi);
  assert.equal(kit.catalog.rowsOf('n1').checks.get('a')?.serviceName, 'new');
  assert.equal(kit.catalog.health('old').read().length, 0);
  assert.equal(kit.catalog.health('new').read()[0]?.checks.length, 2);
});

world(
  'reports on TTL checks: a status goes at once, an output may wait',
  async ({ registry, checks, revision, kit }) => {
    await registry.registerService(registration('web', [ttl({ id: 'a' }, 3_600_000)]), byApi);
    await registry.updateTtlCheck('a', 'passing', 'one');
    assert.deepEqual(checks(), ['a passing one', ...ownChecks]);
    const before = revision();
    await registry.updateTtlCheck('a', 'passing', 'two');
    await registry.updateTtlCheck('a', 'passing', 'three');
    assert.equal(registry.checks().get('a')?.output, 'three');
    await kit.clock.advance(299_999);
    assert.deepEqual(checks(), ['a passing one', ...ownChecks]);
    assert.equal(revision(), before);
    await kit.clock.advance(1);
    assert.deepEqual(checks(), ['a passing three', ...ownChecks]);
  },
);

world('an output that waited goes along with a status', async ({ registry, checks, revision, kit }) => {
  await registry.registerService(registration('web', [ttl({ id: 'a' }, 3_600_000)]), byApi);
  await registry.updateTtlCheck('a', 'passing', 'one');
  await registry.updateTtlCheck('a', 'passing', 'two');
  await registry.updateTtlCheck('a', 'warning', 'two');
  assert.deepEqual(checks(), ['a warning two', ...ownChecks]);
  const before = revision();
  await kit.clock.advance(600_000);
  assert.equal(revision(), before);
});

world('a TTL that expires turns critical and quotes the last words', async ({ registry, checks, kit }) => {
  await registry.registerService(
    registration('web', [ttl({ id: 'a' }), ttl({ id: 'b', status: 'passing' })]),
    byApi,
  );
  await registry.updateTtlCheck('a', 'passing', 'fine');
  await kit.clock.advance(10_000);
  assert.deepEqual(checks(), [
    'a critical TTL expired (last output before timeout follows): fine',
    'b critical TTL expired',
    ...ownChecks,
  ]);
  await registry.updateTtlCheck('b', 'passing', '');
  assert.ok(checks().includes('b passing'));
});

world(
  'output is cut to the smaller limit, or dropped',
  async ({ registry }) => {
    await registry.registerService(
      registration('web', [ttl({ id: 'a', outputMaxBytes: 5 }), ttl({ id: 'b' })]),
      byApi,
    );
    await registry.updateTtlCheck('a', 'passing', '123456');
    await registry.updateTtlCheck('b', 'passing', 'x'.repeat(11));
    assert.equal(registry.checks().get('a')?.output, '12345 ... (captured 5 of 6 bytes)');
    assert.equal(registry.checks().get('b')?.output, 'xxxxxxxxxx ... (captured 10 of 11 bytes)');
  },
  { options: { outputMaxBytes: 10 } },
);

world(
  'discarded output is never stored',
  async ({ registry }) => {
    await registry.registerService(registration('web', [ttl({ id: 'a' })]), byApi);
    await registry.updateTtlCheck('a', 'passing', 'words');
    assert.equal(registry.checks().get('a')?.output, '');
  },
  { options: { discardOutput: true } },
);

world(
  'maintenance is a critical check with the reason as notes, switched on and off once',
  async ({ registry, checks, revision }) => {
    await registry.registerService(registration('web'), byApi);
    await registry.setServiceMaintenance('web', true, 'disk swap');
    await registry.setServiceMaintenance('web', true, 'other');
    const on = registry.checks().get('_service_maintenance:web')!;
    assert.deepEqual(
      [on.name, on.status, on.notes, on.output, on.type, on.interval, on.serviceName],
      ['Service Maintenance Mode', 'critical', 'disk swap', '', 'maintenance', '', 'web'],
    );
    assert.ok(checks().includes('_service_maintenance:web critical'));
    await registry.setServiceMaintenance('web', false, '');
    const before = revision();
    await registry.setServiceMaintenance('web', false, '');
    assert.equal(revision(), before);
    await registry.setNodeMaintenance(true, '');
    const node = registry.checks().get('_node_maintenance')!;
    assert.equal(
      node.notes,
      'Maintenance mode is enabled for this node, but no reason was provided. This is a default message.',
    );
    await registry.setNodeMaintenance(false, '');
    assert.deepEqual(checks(), ownChecks);
  },
);

world("what can't be registered is refused in Consul's words", async ({ registry, revision }) => {
  const before = revision();
  await assert.rejects(
    registry.registerService(registration('', [], { name: '' }), byApi),
    code('invalid', 'Missing service name'),
  );
  const tagged = { taggedAddresses: { lan_ipv4: { address: 'x', port: 1 } } };
  await assert.rejects(
    registry.registerService(registration('w', [], tagged), byApi),
    code('tagged-address'),
  );
  await assert.rejects(
    registry.registerService(registration('w', [ttl({ status: 'bogus' })]), byApi),
    code('invalid', "Status for checks must 'passing', 'warning', 'critical'"),
  );
  await assert.rejects(registry.registerCheck(ttl({ name: '' })), code('invalid', 'Missing check name'));
  await assert.rejects(registry.registerCheck(ttl({ status: 'bogus' })), code('invalid', 'Bad check status'));
  await assert.rejects(
    registry.registerCheck(ttl({ serviceId: 'none' })),
    code('no-such-service', 'ServiceID "none" does not exist'),
  );
  await assert.rejects(registry.updateTtlCheck('none', 'passing', ''), code('unknown-check'));
  await assert.rejects(
    registry.updateTtlCheck('none', 'Passing', ''),
    code('invalid', "Invalid check status: 'Passing'"),
  );
  await assert.rejects(
    registry.setServiceMaintenance('none', true, ''),
    code('unknown-service', 'No service registered with ID "none"'),
  );
  await registry.registerCheck(check({ type: 'docker' }, { id: 'd', name: 'd' }));
  await assert.rejects(
    registry.updateTtlCheck('d', 'passing', ''),
    code('not-ttl', 'CheckID "d" does not have associated TTL'),
  );
  assert.equal(registry.services().size, 0);
  assert.equal(revision(), before + 1);
});

world('a check of the node takes its name as id; ids are case-sensitive', async ({ registry, checks }) => {
  await registry.registerCheck(ttl({ id: '', name: 'Disk Space' }));
  assert.deepEqual(checks(), ['Disk Space critical', ...ownChecks]);
  assert.equal(await registry.deregisterCheck('disk space'), false);
  assert.equal(await registry.deregisterCheck('Disk Space'), true);
  assert.deepEqual(checks(), ownChecks);
});

world(
  'actions are applied in order, in one commit, and a bad one does not hold up the others',
  async ({ registry, ...w }) => {
    const docker = check({ type: 'docker' }, { id: 'health', status: 'warning' });
    const before = w.revision();
    const outcomes = await registry.applyActions([
      { type: 'register', registration: registration('a', [docker]) },
      { type: 'register', registration: registration('', [], { name: '' }) },
      { type: 'status', checkId: 'health', status: 'passing', output: 'ok' },
      { type: 'status', checkId: 'none', status: 'passing', output: '' },
      { type: 'deregister', serviceId: 'none' },
      { type: 'register', registration: registration('b') },
    ]);
    assert.deepEqual(
      outcomes.map((outcome) => (outcome as RegistryError | undefined)?.code),
      [undefined, 'invalid', undefined, 'unknown-check', undefined, undefined],
    );
    assert.equal(w.revision(), before + 1);
    assert.deepEqual(w.services(), ['a@a', 'b@b', ...ownServices]);
    assert.deepEqual(w.checks(), ['health passing ok', ...ownChecks]);
  },
);

world(
  'a container that is registered again brings the status that the engine has now',
  async ({ registry, checks }) => {
    const docker = (status: string) => registration('a', [check({ type: 'docker' }, { id: 'h', status })]);
    await registry.applyActions([{ type: 'register', registration: docker('passing') }]);
    await registry.applyActions([{ type: 'register', registration: docker('critical') }]);
    assert.deepEqual(checks(), ['h critical', ...ownChecks]);
    await registry.applyActions([{ type: 'register', registration: docker('') }]);
    assert.deepEqual(checks(), ['h critical', ...ownChecks]);
  },
);

world(
  'changes that come while one is written go together in the next commit',
  async ({ registry, revision }) => {
    const before = revision();
    await Promise.all(
      Array.from({ length: 50 }, (_, i) => registry.registerService(registration(`s${i}`), byApi)),
    );
    assert.equal(revision(), before + 2);
  },
);

world('a service that is critical for too long is deregistered', async ({ registry, services, kit }) => {
  const short = ttl({ id: 'a', deregisterCriticalAfterMs: 1000 }, 3_600_000);
  await registry.registerService(registration('web', [short]), byApi);
  await registry.registerService(registration('ok', [{ ...short, id: 'b', status: 'passing' }]), byApi);
  await registry.registerCheck({ ...short, id: 'node-level' });
  await kit.clock.advance(59_999);
  assert.equal(services().length, 3);
  await kit.clock.advance(30_000);
  assert.deepEqual(services(), [...ownServices, 'ok@ok']);
  assert.ok(registry.checks().has('node-level'));
});

world(
  'an alias follows the service that it mirrors, in the same commit',
  async ({ registry, checks, revision }) => {
    const alias = check({ type: 'alias', node: '', service: 'db' }, { id: 'alias', name: 'alias' });
    await registry.registerService(registration('web', [alias]), byApi);
    assert.ok(checks().includes('alias critical Service db could not be found on node n1'));
    await registry.registerService(
      registration('db', [ttl({ id: 'db', name: 'db check', status: 'passing' })]),
      byApi,
    );
    assert.ok(checks().includes('alias passing All checks passing.'));
    const before = revision();
    await registry.updateTtlCheck('db', 'critical', 'gone');
    assert.equal(revision(), before + 1);
    assert.ok(checks().includes('alias critical Aliased check "db check" failing: gone'));
    await registry.updateTtlCheck('db', 'passing', '');
    await registry.setNodeMaintenance(true, '');
    assert.ok(checks().includes('alias critical Aliased check "Node Maintenance Mode" failing: '));
    await registry.setNodeMaintenance(false, '');
    assert.ok(checks().includes('alias passing All checks passing.'));
  },
);

world('aliases of each other come to rest', async ({ registry, revision, nextFullSync }) => {
  const alias = (of: string) => check({ type: 'alias', node: '', service: of }, { id: `alias-of-${of}` });
  await registry.registerService(
    registration('a', [alias('b'), ttl({ id: 't', status: 'critical' })]),
    byApi,
  );
  await registry.registerService(registration('b', [alias('a')]), byApi);
  assert.equal(registry.checks().get('alias-of-a')?.status, 'critical');
  const before = revision();
  await nextFullSync();
  assert.equal(revision(), before);
});

world('an alias of another node follows the catalog', async ({ registry, kit, checks }) => {
  const alias = check({ type: 'alias', node: 'other', service: 'db' }, { id: 'alias' });
  await registry.registerService(registration('web', [alias]), byApi);
  assert.ok(checks().includes('alias critical Service db could not be found on node other'));
  const node = { id: '', name: 'other', address: '192.0.2.9', taggedAddresses: null, meta: null };
  await kit.writer.register({ node, skipNodeUpdate: false, service: service('db'), checks: [] });
  await kit.clock.advance(0);
  assert.ok(checks().includes('alias passing No checks found.'));
});

world('listeners hear of every service that comes, changes or goes', async ({ registry }) => {
  const heard: string[] = [];
  const stop = registry.onChange((id) => heard.push(id));
  await registry.registerService(registration('web', [ttl({ id: 'a' })]), byApi);
  await registry.updateTtlCheck('a', 'passing', '');
  await registry.deregisterService('web');
  stop();
  await registry.registerService(registration('web'), byApi);
  assert.deepEqual(heard, ['web', 'web']);
});

world(
  "a registration returns although the catalog can't be written, and is written later",
  async ({ registry, kit, services }) => {
    const { writer } = kit;
    const syncNode = writer.syncNode.bind(writer);
    writer.syncNode = () => Promise.reject(new Error('disk full'));
    await registry.registerService(registration('web'), byApi);
    assert.deepEqual(services(), ownServices);
    await kit.clock.advance(16_000);
    assert.deepEqual(services(), ownServices);
    writer.syncNode = syncNode;
    await kit.clock.advance(33_000);
    assert.deepEqual(services(), [...ownServices, 'web@web']);
  },
);

world(
  'a mass of changes is written in pieces, and taken back in pieces',
  async ({ registry, services, checks, revision }) => {
    const ids = Array.from({ length: 1500 }, (_, i) => `s${String(i).padStart(4, '0')}`);
    const before = revision();
    await registry.applyActions(
      ids.map((id) => ({ type: 'register', registration: registration(id, [ttl({ id: `c-${id}` })]) })),
    );
    assert.ok(revision() - before < 10, `${revision() - before} commits`);
    assert.equal(services().length, 1501);
    assert.equal(checks().length, 1501);
    await registry.applyActions(ids.map((id) => ({ type: 'deregister', serviceId: id })));
    assert.deepEqual([services(), checks()], [ownServices, ownChecks]);
  },
);

world('a row that the catalog refuses does not keep the others out', async ({ registry, kit, services }) => {
  const { writer } = kit;
  const syncNode = writer.syncNode.bind(writer);
  writer.syncNode = (changes, options) =>
    changes.putServices.some(({ id }) => id === 'bad')
      ? Promise.reject(Object.assign(new Error('too large'), { code: 'invalid' }))
      : syncNode(changes, options);
  await registry.applyActions(
    ['a', 'bad', 'c'].map((id) => ({ type: 'register', registration: registration(id) })),
  );
  assert.deepEqual(services(), ['a@a', 'c@c', ...ownServices]);
});
