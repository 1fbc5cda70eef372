import assert from 'node:assert/strict';
import { test } from 'node:test';

import { aCheck, aNode, aService, type CatalogKit, startCatalog } from './catalog.testkit.ts';

const uuid = (first: string): string => `${first}6c1d52-68c2-4e0a-8f61-d0a2f9c7b001`;

async function withCatalog(run: (kit: CatalogKit) => Promise<void>): Promise<void> {
  const kit = await startCatalog();
  try {
    await run(kit);
  } finally {
    await kit.stop();
  }
}

test('lists are by folded node name, then by id, in bytes', () =>
  withCatalog(async ({ writer, catalog }) => {
    const order = ['b i9', 'a i8', 'C i7', 'a-1 i6', 'a.1 i5', 'B2 i4', 'a i0', 'a I1'];
    for (const entry of order) {
      const [name, id] = entry.split(' ') as [string, string];
      const checks = [aCheck(`c-${id}`, id), aCheck(`${id}-node`)];
      await writer.register({
        node: aNode(name),
        skipNodeUpdate: false,
        service: aService(id, 'web'),
        checks,
      });
    }
    const want = ['a I1', 'a i0', 'a i8', 'a-1 i6', 'a.1 i5', 'b i9', 'B2 i4', 'C i7'];
    assert.deepEqual(
      catalog
        .nodes()
        .read()
        .map(({ name }) => name),
      ['a', 'a-1', 'a.1', 'b', 'B2', 'C'],
    );
    assert.deepEqual(
      catalog
        .service('web')
        .read()
        .map((row) => `${row.node.name} ${row.id}`),
      want,
    );
    assert.deepEqual(
      catalog
        .health('WEB')
        .read()
        .map(({ node, service }) => `${node.name} ${service.id}`),
      want,
    );
    assert.deepEqual(
      [...catalog.allServices().read()].map((row) => `${row.node.name} ${row.id}`),
      want,
    );
    assert.deepEqual(
      catalog
        .checksOfService('web')
        .read()
        .map(({ id }) => id),
      want.map((entry) => `c-${entry.split(' ')[1]}`),
    );
    assert.deepEqual(
      catalog
        .checksOfNode('A')
        .read()
        .map(({ id }) => id),
      ['I1-node', 'c-I1', 'c-i0', 'c-i8', 'i0-node', 'i8-node'],
    );
    assert.deepEqual(
      catalog
        .health('web')
        .read()[0]
        ?.checks.map(({ id }) => id),
      ['I1-node', 'i0-node', 'i8-node', 'c-I1'],
    );
  }));

test('services are sorted by name, as registered, with the union of their tags', () =>
  withCatalog(async ({ writer, catalog }) => {
    const add = (id: string, name: string, ...tags: string[]): Promise<number> =>
      writer.register({
        node: aNode('n'),
        skipNodeUpdate: true,
        service: aService(id, name, { tags }),
        checks: [],
      });
    await add('1', 'web', 'v1', 'Primary');
    await add('2', 'web', 'v2', 'v1');
    await add('3', 'Web', 'upper');
    await add('4', 'api');
    const shown = (): unknown => [...catalog.services().read()];
    assert.deepEqual(shown(), [
      ['Web', ['upper']],
      ['api', []],
      ['web', ['v1', 'Primary', 'v2']],
    ]);
    await add('2', 'web');
    await writer.deregister({ node: 'n', serviceId: '3' });
    assert.deepEqual(shown(), [
      ['api', []],
      ['web', ['v1', 'Primary']],
    ]);
  }));

test('a node is found by its name in any case, its ID, or a prefix that only it has', () =>
  withCatalog(async ({ writer, catalog }) => {
    for (const [name, id] of [
      ['Alpha', uuid('3b')],
      ['beta', uuid('3c')],
      ['3d', uuid('4a')],
    ] as const) {
      await writer.register({ node: aNode(name, { id }), skipNodeUpdate: false, checks: [] });
    }
    const found: readonly [wanted: string, name: string | undefined][] = [
      ['alpha', 'Alpha'],
      [uuid('3b'), 'Alpha'],
      [uuid('3B'), 'Alpha'],
      ['3c', 'beta'],
      ['3', undefined],
      ['3b6c1d52', 'Alpha'],
      ['3d', '3d'],
      ['zz', undefined],
      ['', undefined],
    ];
    for (const [wanted, name] of found) assert.equal(catalog.node(wanted).read()?.node.name, name, wanted);
  }));

test('checks in a state, in any case; a state of nobody is empty and has the index of all checks', () =>
  withCatalog(async ({ writer, catalog }) => {
    const checks = [
      aCheck('a'),
      aCheck('b', '', { status: 'Critical' }),
      aCheck('c', '', { status: 'critical' }),
    ];
    const now = await writer.register({ node: aNode('n'), skipNodeUpdate: true, checks });
    const idsIn = (state: string): string =>
      catalog
        .checksInState(state)
        .read()
        .map(({ id }) => id)
        .join('');
    assert.deepEqual(['any', 'passing', 'CRITICAL', 'warning'].map(idsIn), ['abc', 'a', 'bc', '']);
    assert.equal(catalog.checksInState('warning').index(), now);
    await writer.register({
      node: aNode('n'),
      skipNodeUpdate: true,
      checks: [aCheck('b'), aCheck('c', '', { status: 'x' })],
    });
    assert.deepEqual(['passing', 'critical', 'X'].map(idsIn), ['ab', '', 'c']);
  }));

test('nodes and services are found by their address, before and after the index of services is built', () =>
  withCatalog(async ({ writer, catalog }) => {
    const add = (id: string, address: string): Promise<number> =>
      writer.register({
        node: aNode('n', { address: '10.0.0.9' }),
        skipNodeUpdate: false,
        service: aService(id, 'web', { address }),
        checks: [],
      });
    await add('a', '10.0.0.1');
    await add('b', '10.0.0.1');
    const idsAt = (address: string): string =>
      catalog
        .servicesByAddress(address)
        .map(({ id }) => id)
        .sort()
        .join('');
    assert.equal(idsAt('10.0.0.1'), 'ab');
    await add('b', '10.0.0.2');
    assert.deepEqual([idsAt('10.0.0.1'), idsAt('10.0.0.2')], ['a', 'b']);
    await new Promise((resolve) => setImmediate(resolve));
    await add('c', '10.0.0.2');
    await writer.deregister({ node: 'n', serviceId: 'a' });
    assert.deepEqual([idsAt('10.0.0.1'), idsAt('10.0.0.2'), idsAt('')], ['', 'bc', '']);
    assert.deepEqual(
      catalog.nodesByAddress('10.0.0.9').map(({ name }) => name),
      ['n'],
    );
    assert.deepEqual(catalog.nodesByAddress('10.0.0.1'), []);
  }));

const wakes: readonly [
  what: string,
  view: (kit: CatalogKit) => { topics: readonly string[]; index(): number; read(): unknown },
  write: (kit: CatalogKit) => Promise<unknown>,
  woken: boolean,
][] = [
  [
    'a service by a check of its node',
    ({ catalog }) => catalog.service('web'),
    setCheck('n1', 'node', 'warning'),
    true,
  ],
  [
    'a service by its check',
    ({ catalog }) => catalog.health('web'),
    setCheck('n1', 'own', 'warning', 'w'),
    true,
  ],
  ['a service by its node', ({ catalog }) => catalog.health('web'), setNode('n1', '10.9.9.9'), true],
  [
    'a service not by another on its node',
    ({ catalog }) => catalog.health('web'),
    setService('n1', 'x', 'other'),
    false,
  ],
  [
    'a service not by the check of another',
    ({ catalog }) => catalog.health('web'),
    setCheck('n1', 'c-api', 'warning', 'a'),
    false,
  ],
  [
    'a missing service by its first instance',
    ({ catalog }) => catalog.service('new'),
    setService('n2', 'x', 'new'),
    true,
  ],
  [
    'a missing service not by others',
    ({ catalog }) => catalog.service('new'),
    setService('n2', 'x', 'other'),
    false,
  ],
  ['the services by an instance', ({ catalog }) => catalog.services(), setService('n1', 'x', 'web'), true],
  [
    'the services not by a check',
    ({ catalog }) => catalog.services(),
    setCheck('n1', 'own', 'warning', 'w'),
    false,
  ],
  ['the nodes by a node', ({ catalog }) => catalog.nodes(), setNode('n9', '10.9.9.9'), true],
  ['the nodes not by a service', ({ catalog }) => catalog.nodes(), setService('n1', 'x', 'web'), false],
  ['a node by its service', ({ catalog }) => catalog.node('N1'), setService('n1', 'x', 'web'), true],
  ['a node not by another', ({ catalog }) => catalog.node('n1'), setService('n2', 'x', 'web'), false],
  [
    'a node by its deletion',
    ({ catalog }) => catalog.node('n1'),
    ({ writer }) => writer.deregister({ node: 'n1' }),
    true,
  ],
  [
    'a missing node by its registration',
    ({ catalog }) => catalog.node('n9'),
    setNode('n9', '10.9.9.9'),
    true,
  ],
  [
    "checks of a node by one of its services'",
    ({ catalog }) => catalog.checksOfNode('n1'),
    setCheck('n1', 'own', 'warning', 'w'),
    true,
  ],
  [
    "checks of a node not by another's",
    ({ catalog }) => catalog.checksOfNode('n2'),
    setCheck('n1', 'own', 'warning', 'w'),
    false,
  ],
  [
    "checks of a service not by its node's",
    ({ catalog }) => catalog.checksOfService('web'),
    setCheck('n1', 'node', 'warning'),
    false,
  ],
  [
    'a state by a check that enters',
    ({ catalog }) => catalog.checksInState('warning'),
    setCheck('n1', 'own', 'warning', 'w'),
    true,
  ],
  [
    'a state by a check that leaves',
    ({ catalog }) => catalog.checksInState('passing'),
    setCheck('n1', 'own', 'warning', 'w'),
    true,
  ],
  [
    'a state not by another',
    ({ catalog }) => catalog.checksInState('critical'),
    setCheck('n1', 'own', 'warning', 'w'),
    false,
  ],
];

function setNode(name: string, address: string) {
  return ({ writer }: CatalogKit): Promise<unknown> =>
    writer.register({ node: aNode(name, { address }), skipNodeUpdate: false, checks: [] });
}

function setService(node: string, id: string, name: string) {
  return ({ writer }: CatalogKit): Promise<unknown> =>
    writer.register({ node: aNode(node), skipNodeUpdate: true, service: aService(id, name), checks: [] });
}

function setCheck(node: string, id: string, status: string, serviceId = '') {
  return ({ writer }: CatalogKit): Promise<unknown> =>
    writer.register({ node: aNode(node), skipNodeUpdate: true, checks: [aCheck(id, serviceId, { status })] });
}

for (const [what, viewOf, write, woken] of wakes) {
  test(`wakes ${what}`, () =>
    withCatalog(async (kit) => {
      for (const fill of [
        setService('n1', 'w', 'web'),
        setService('n1', 'a', 'api'),
        setService('n2', 'b', 'api'),
      ])
        await fill(kit);
      for (const fill of [setCheck('n1', 'node', 'passing'), setCheck('n1', 'own', 'passing', 'w')])
        await fill(kit);
      const view = viewOf(kit);
      const wait = kit.watches.park(view, view.index(), 1000, new AbortController().signal);
      await write(kit);
      await kit.clock.advance(1000);
      assert.equal(await wait, woken);
    }));
}

test('the collector removes old tombstones and keeps what is young', () =>
  withCatalog(async (kit) => {
    const { writer, catalog, clock, collector, table } = kit;
    const buried = (): number => table.graveyards().reduce((sum, graves) => sum + graves.size, 0);
    await setService('n1', 'a', 'web')(kit);
    const gone = await writer.deregister({ node: 'n1', serviceId: 'a' });
    await clock.advance(10 * 60_000);
    await setService('n1', 'b', 'api')(kit);
    await writer.deregister({ node: 'n1', serviceId: 'b' });
    assert.equal(await collector.collect(), 0);
    await clock.advance(6 * 60_000);
    assert.equal(await collector.collect(), 1);
    assert.equal(buried(), 1);
    assert.ok(catalog.service('web').index() >= gone);
    await clock.advance(20 * 60_000);
    await collector.collect();
    assert.equal(buried(), 0);
  }));
