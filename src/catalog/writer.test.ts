import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Check } from '../model/check.ts';
import { type Commit, type CommitResult, StoreError } from '../store/store.ts';
import { aCheck, aNode, aService, type CatalogKit, startCatalog } from './catalog.testkit.ts';
import { CatalogError } from './errors.ts';
import type { CatalogRegistration } from './writer.ts';

const uuid = (n: number): string => `3b6c1d52-68c2-4e0a-8f61-d0a2f9c7b00${n}`;

function registration(parts: Partial<CatalogRegistration>): CatalogRegistration {
  return { node: aNode('n1'), skipNodeUpdate: false, checks: [], ...parts };
}

async function withCatalog(run: (kit: CatalogKit) => Promise<void>): Promise<void> {
  const kit = await startCatalog();
  try {
    await run(kit);
  } finally {
    await kit.stop();
  }
}

const refused: readonly [name: string, request: Partial<CatalogRegistration>, text: string][] = [
  ['no node', { node: aNode('') }, 'Must provide node'],
  ['no address', { node: aNode('n1', { address: '' }) }, 'Must provide address if SkipNodeUpdate is not set'],
  ['a short ID', { node: aNode('n1', { id: 'not-a-uuid' }) }, 'Bad node ID: uuid string is wrong length'],
  [
    'an ID without its dashes',
    { node: aNode('n1', { id: '3b6c1d52068c204e0a08f610d0a2f9c7b001' }) },
    'Bad node ID: uuid is improperly formatted',
  ],
  [
    'an ID that is not hexadecimal',
    { node: aNode('n1', { id: 'zb6c1d52-68c2-4e0a-8f61-d0a2f9c7b001' }) },
    "Bad node ID: encoding/hex: invalid byte: U+007A 'z'",
  ],
  [
    'a service ID without a name',
    { service: aService('a', '') },
    'Must provide service name (Service.Service) when service ID is provided',
  ],
  ['an any-address', { service: aService('', 'web', { address: '0.0.0.0' }) }, 'Invalid service address'],
  ['an IPv6 any-address', { service: aService('', 'web', { address: '::' }) }, 'Invalid service address'],
  [
    'a bad meta key',
    { service: aService('a', 'web', { meta: { 'odd key': 'x' } }) },
    'failed inserting service: Invalid Service Meta for node n1 and serviceID a: ' +
      "Couldn't load metadata pair ('odd key', 'x'): Key contains invalid characters",
  ],
  [
    'a check of another node',
    { checks: [{ ...aCheck('c'), nodeName: 'n2' }] },
    'check node "n2" does not match node "n1"',
  ],
  [
    'a check of a service that is not there',
    { checks: [aCheck('c', 'nope')] },
    'failed inserting check: Missing service registration on node "n1"',
  ],
];

for (const [name, request, text] of refused) {
  test(`a registration with ${name} is refused in Consul's words and leaves nothing`, () =>
    withCatalog(async ({ writer, catalog, store }) => {
      const before = await store.barrier();
      await assert.rejects(writer.register(registration(request)), (error) => {
        assert.ok(error instanceof CatalogError);
        assert.deepEqual([error.code, error.message], ['invalid', text]);
        return true;
      });
      assert.deepEqual(catalog.nodes().read(), []);
      assert.equal(await store.barrier(), before);
    }));
}

test('defaults are filled in: service ID, check ID and status, service name and tags of a check', () =>
  withCatalog(async ({ writer, catalog }) => {
    const service = aService('', 'web', { tags: ['v1'], weights: { passing: 0, warning: -1 } });
    const check: Check = { ...aCheck('', 'web'), name: 'alive', status: '' };
    await writer.register(registration({ service, checks: [check, aCheck('n')] }));
    const [instance] = catalog.health('WEB').read();
    assert.equal(instance?.service.id, 'web');
    assert.deepEqual(instance.service.weights, { passing: 1, warning: 1 });
    assert.deepEqual(
      instance.checks.map((row) => [row.id, row.status, row.serviceName, row.serviceTags]),
      [
        ['n', 'passing', '', []],
        ['alive', 'critical', 'web', ['v1']],
      ],
    );
  }));

test('SkipNodeUpdate leaves a node as it is and makes a missing one without an address', () =>
  withCatalog(async ({ writer, catalog }) => {
    const bare = aNode('n1', { address: '' });
    await writer.register(registration({ node: bare, skipNodeUpdate: true }));
    assert.equal(catalog.node('n1').read()?.node.address, '');
    await writer.register(registration({ node: aNode('n1', { meta: { a: 'b' } }) }));
    await writer.register(registration({ node: bare, skipNodeUpdate: true }));
    assert.deepEqual(catalog.node('n1').read()?.node.meta, { a: 'b' });
  }));

test('the same ID under another name is a rename: CreateIndex stays, what was on the node goes', () =>
  withCatalog(async ({ writer, catalog }) => {
    const created = await writer.register(
      registration({
        node: aNode('old', { id: uuid(2) }),
        service: aService('a', 'web'),
        checks: [aCheck('c', 'a')],
      }),
    );
    const renamed = await writer.register(registration({ node: aNode('new', { id: uuid(2) }) }));
    assert.deepEqual(
      catalog
        .nodes()
        .read()
        .map((node) => [node.name, node.createIndex, node.modifyIndex]),
      [['new', created, renamed]],
    );
    assert.deepEqual(catalog.service('web').read(), []);
    assert.deepEqual(catalog.checksInState('any').read(), []);
    // The carried CreateIndex outlives the next update.
    await writer.register(registration({ node: aNode('new', { id: uuid(2), address: '192.0.2.9' }) }));
    assert.equal(catalog.node(uuid(2)).read()?.node.createIndex, created);
  }));

test('a name is reserved by a node that is alive and free when its serfHealth is critical or absent', () =>
  withCatalog(async ({ writer, catalog }) => {
    const holder = aNode('n1', { id: uuid(1) });
    const taker = aNode('N1', { id: uuid(2), address: '192.0.2.2' });
    await writer.register(registration({ node: holder, checks: [aCheck('serfHealth')] }));
    const reserved = `Node name N1 is reserved by node ${uuid(1)} with name n1 (192.0.2.1)`;
    await assert.rejects(writer.register(registration({ node: taker })), (error: CatalogError) => {
      assert.equal(
        error.message,
        `failed inserting node: Error while renaming Node ID: "${uuid(2)}": ${reserved}`,
      );
      return true;
    });
    await writer.register(
      registration({ node: holder, checks: [aCheck('serfHealth', '', { status: 'critical' })] }),
    );
    await writer.register(registration({ node: taker }));
    assert.deepEqual(
      catalog
        .nodes()
        .read()
        .map((node) => [node.name, node.id]),
      [['N1', uuid(2)]],
    );
    assert.equal(catalog.node(uuid(1)).read(), undefined);
  }));

test('a service that changes its name leaves the old one, and its checks follow it', () =>
  withCatalog(async ({ writer, catalog }) => {
    await writer.register(registration({ service: aService('a', 'web'), checks: [aCheck('c', 'a')] }));
    const old = catalog.service('web');
    const before = old.index();
    const now = await writer.register(registration({ service: aService('a', 'api') }));
    assert.deepEqual([old.read(), old.index()], [[], now]);
    assert.ok(now > before);
    assert.equal(catalog.checksOfService('api').read()[0]?.serviceName, 'api');
    assert.equal(catalog.health('api').read()[0]?.checks.length, 1);
  }));

test('deregister takes a service with its checks, a check, or a node with all that is on it', () =>
  withCatalog(async ({ writer, catalog }) => {
    const fill = (): Promise<number> =>
      writer.register(
        registration({
          service: aService('a', 'web'),
          checks: [aCheck('c', 'a'), aCheck('d', 'a'), aCheck('n')],
        }),
      );
    await fill();
    await writer.deregister({ node: 'N1', serviceId: 'a', checkId: 'n' });
    assert.deepEqual(
      catalog
        .checksOfNode('n1')
        .read()
        .map(({ id }) => id),
      ['n'],
    );
    await fill();
    await writer.deregister({ node: 'n1', checkId: 'c' });
    assert.deepEqual(
      catalog
        .health('web')
        .read()[0]
        ?.checks.map(({ id }) => id),
      ['n', 'd'],
    );
    const view = catalog.node('n1');
    assert.ok(view.index() > 1);
    const gone = await writer.deregister({ node: 'n1' });
    assert.deepEqual([view.read(), view.index()], [undefined, gone]);
    await assert.rejects(writer.deregister({ node: '' }), /^CatalogError: Must provide node$/);
  }));

test('a name that never was has the index of the last name that vanished', () =>
  withCatalog(async ({ writer, catalog }) => {
    await writer.register(registration({ service: aService('a', 'web') }));
    await writer.register(registration({ service: aService('b', 'web') }));
    assert.equal(catalog.service('never').index(), 1);
    await writer.deregister({ node: 'n1', serviceId: 'a' });
    assert.equal(catalog.service('never').index(), 1);
    const vanished = await writer.deregister({ node: 'n1', serviceId: 'b' });
    assert.equal(catalog.service('never').index(), vanished);
    assert.equal(catalog.service('web').index(), vanished);
  }));

test('writers who race for the same rows all succeed, and none undoes another', () =>
  withCatalog(async (one) => {
    const two = await startCatalog({ store: one.store, clock: one.clock });
    await Promise.all(
      Array.from({ length: 40 }, (_, i) => {
        const { writer } = i % 2 === 0 ? one : two;
        const id = `s${i % 5}`;
        return writer.register(
          registration({
            skipNodeUpdate: true,
            service: aService(id, 'web', { port: i }),
            checks: [aCheck(`c${i}`, id)],
          }),
        );
      }),
    );
    await two.replica.waitFor(one.replica.revision);
    assert.equal(one.catalog.checksOfService('web').read().length, 40);
    assert.equal(two.catalog.health('web').read().length, 5);
    await Promise.all([one.writer.deregister({ node: 'n1' }), two.writer.deregister({ node: 'n1' })]);
    assert.deepEqual(one.catalog.checksInState('any').read(), []);
    await two.stop();
  }));

test('syncNode writes a large node in commits within the limits and removes it again', async () => {
  const kit = await startCatalog({ limits: { ops: 128, bytes: 1 << 20 } });
  const ids = Array.from({ length: 3000 }, (_, i) => `s${i}`);
  const changes = { node: aNode('n1'), deleteServices: [], putServices: [], deleteChecks: [], putChecks: [] };
  await kit.writer.syncNode(
    {
      ...changes,
      putServices: ids.map((id, i) => aService(id, `svc${i % 10}`)),
      putChecks: ids.map((id) => aCheck(`service:${id}`, id)),
    },
    { rederivable: true },
  );
  assert.equal(kit.catalog.node('n1').read()?.services.length, 3000);
  assert.equal(kit.catalog.checksOfNode('n1').read().length, 3000);
  await kit.writer.syncNode({ ...changes, deleteServices: ids }, { rederivable: true });
  assert.equal(kit.catalog.node('n1').read()?.services.length, 0);
  assert.equal(kit.catalog.checksOfNode('n1').read().length, 0);
  await kit.writer.deregister({ node: 'n1' });
  await kit.stop();
});

test("syncNode gives a changed service's checks its new tags", () =>
  withCatalog(async ({ writer, catalog }) => {
    await writer.register(registration({ service: aService('a', 'web'), checks: [aCheck('c', 'a')] }));
    await writer.syncNode(
      {
        node: aNode('n1'),
        putServices: [aService('a', 'web', { tags: ['t'] })],
        deleteServices: [],
        putChecks: [],
        deleteChecks: [],
      },
      { rederivable: true },
    );
    assert.deepEqual(catalog.checksOfService('web').read()[0]?.serviceTags, ['t']);
  }));

test('what the store can not say or do is an error of its own kind, and is not tried again', async () => {
  const kit = await startCatalog();
  let answer: () => Promise<CommitResult> = () => Promise.reject(new StoreError('unavailable', 'disk full'));
  let commits = 0;
  kit.store.commit = (_: Commit) => {
    commits += 1;
    return answer();
  };
  const codeOf = (): Promise<string> =>
    kit.writer.register(registration({})).then(
      () => 'none',
      (error: CatalogError) => error.code,
    );
  assert.equal(await codeOf(), 'unavailable');
  answer = () => Promise.resolve({ outcome: 'unknown', cause: new Error('timed out') });
  assert.equal(await codeOf(), 'unknown');
  assert.equal(commits, 2);
  await kit.stop();
});
