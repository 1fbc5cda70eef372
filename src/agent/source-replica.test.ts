import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aCheck, aNode, aService, startCatalog } from '../catalog/catalog.testkit.ts';
import { Kv } from '../kv/kv.ts';
import { KvTable } from '../kv/kv-table.ts';
import type { Answers, Query } from '../render/source.ts';
import { ReplicaSource } from './source-replica.ts';

interface World {
  readonly source: ReplicaSource;
  readonly kv: Kv;
  register(
    node: string,
    service: string,
    statuses?: readonly string[],
    tags?: readonly string[],
  ): Promise<void>;
}

async function withWorld(run: (world: World) => Promise<void>): Promise<void> {
  const table = new KvTable();
  const base = await startCatalog({ tables: [table] });
  const { store, replica, clock, catalog, watches, writer } = base;
  const kv = new Kv({}, { store, replica, table, clock });
  const source = new ReplicaSource({ nodeName: 'n2' }, { catalog, kv, watches });
  const register: World['register'] = async (node, service, statuses = ['passing'], tags = []) => {
    await writer.register({
      node: aNode(node),
      skipNodeUpdate: false,
      service: aService(`${service}-1`, service, { tags }),
      checks: statuses.map((status, i) => aCheck(`${service}-${i}`, `${service}-1`, { status })),
    });
  };
  try {
    await run({ source, kv, register });
  } finally {
    await source.close();
    await base.stop();
  }
}

function ask<Q extends Query>(source: ReplicaSource, query: Q): Answers[Q['type']] | undefined {
  const subscription = source.subscribe(
    query,
    () => {},
    () => {},
  );
  const answer = subscription.current();
  subscription.close();
  return answer?.data;
}

const web = { type: 'service', name: 'web', tag: '', dc: '', near: '', filters: ['passing'] } as const;
const nodesOf = (rows: readonly { readonly node: string }[] | undefined): readonly string[] =>
  (rows ?? []).map(({ node }) => node);

test('a node query without a name is the node of this agent', () =>
  withWorld(async ({ source, register }) => {
    await register('n1', 'web');
    await register('n2', 'api');
    const found = ask(source, { type: 'node', name: '', dc: '' });
    assert.equal(found?.node.node, 'n2');
    assert.deepEqual(
      found?.services.map(({ service }) => service),
      ['api'],
    );
    assert.equal(ask(source, { type: 'node', name: 'n9', dc: '' }), null);
  }));

const filters: readonly { filters: readonly string[]; want: readonly string[] }[] = [
  { filters: ['passing'], want: ['n1'] },
  { filters: ['passing', 'warning'], want: ['n1', 'n2'] },
  { filters: ['critical'], want: ['n3'] },
  { filters: ['any'], want: ['n1', 'n2', 'n3', 'n4'] },
  { filters: [], want: [] },
];

test('a service query takes exactly the statuses of its filters; passing alone wants every check to pass', () =>
  withWorld(async ({ source, register }) => {
    await register('n1', 'web', ['passing', 'passing']);
    await register('n2', 'web', ['passing', 'warning']);
    await register('n3', 'web', ['warning', 'critical']);
    await register('n4', 'web', ['passing', 'unheard-of']);
    for (const row of filters) {
      assert.deepEqual(nodesOf(ask(source, { ...web, filters: row.filters })), row.want, row.filters.join());
    }
  }));

test('tags match in any case, and the nearest node comes first', () =>
  withWorld(async ({ source, register }) => {
    await register('n1', 'web', [], ['Edge', 'b', 'a']);
    await register('n2', 'web', [], ['edge']);
    await register('n3', 'web');
    assert.deepEqual(nodesOf(ask(source, { ...web, tag: 'EDGE' })), ['n1', 'n2']);
    assert.deepEqual(nodesOf(ask(source, { ...web, near: '_agent' })), ['n2', 'n1', 'n3']);
    assert.deepEqual(nodesOf(ask(source, { type: 'nodes', dc: '', near: 'N3' })), ['n3', 'n1', 'n2']);
    assert.deepEqual(ask(source, web)?.[0]?.tags, ['Edge', 'a', 'b']);
  }));

test('another datacenter is refused by name, and has no answer', () =>
  withWorld(async ({ source }) => {
    const errors: string[] = [];
    const subscription = source.subscribe(
      { ...web, dc: 'dc9' },
      () => assert.fail('changed'),
      (error) => errors.push(error.message),
    );
    await Promise.resolve();
    assert.equal(subscription.current(), undefined);
    assert.deepEqual(errors, ['no path to datacenter "dc9": this agent knows "dc1" only']);
  }));

test('a change tells its own queries and no others, once, with the new data', () =>
  withWorld(async ({ source, kv, register }) => {
    await register('n1', 'web');
    const calls: string[] = [];
    const follow = (name: string, query: Query): { current(): unknown } =>
      source.subscribe(
        query,
        () => calls.push(name),
        () => {},
      );
    follow('service', web);
    const key = follow('key', { type: 'key', key: 'a/b', dc: '' });
    const prefix = follow('prefix', { type: 'prefix', prefix: 'a', dc: '' });
    assert.deepEqual(key.current(), { data: null });
    await kv.put('a/b', Buffer.from('1'), 0n);
    assert.deepEqual(calls.sort(), ['key', 'prefix']);
    assert.deepEqual(key.current(), { data: '1' });
    const pairs = prefix.current() as { data: Answers['prefix'] };
    assert.deepEqual(
      pairs.data.map((row) => [row.path, row.key, row.value]),
      [['a/b', 'b', '1']],
    );
  }));

test('an index that moves without a difference tells nobody; what has not changed is the same object', () =>
  withWorld(async ({ source, kv, register }) => {
    await register('n1', 'web');
    await register('n2', 'web', ['critical']);
    await register('n3', 'web');
    const calls: string[] = [];
    const follow = <Q extends Query>(query: Q) =>
      source.subscribe(
        query,
        () => calls.push(query.type),
        () => {},
      );
    const service = follow(web);
    const services = follow({ type: 'services', dc: '' });
    const key = follow({ type: 'key', key: 'a', dc: '' });
    const before = service.current()!.data;
    services.current();
    await kv.put('a', Buffer.from('1'), 0n);
    assert.deepEqual(key.current(), { data: '1' });
    calls.length = 0;
    // One that is filtered out, another one's tags that were there already, the same value with other flags.
    await register('n2', 'web', ['critical', 'critical']);
    await register('n4', 'web', ['critical']);
    await kv.put('a', Buffer.from('1'), 7n);
    assert.deepEqual(calls, []);
    await register('n3', 'web', ['passing', 'passing']);
    assert.deepEqual(calls, ['service']);
    const after = service.current()!.data;
    assert.equal(after[0], before[0]);
    assert.notEqual(after[1], before[1]);
    assert.equal(after[1]!.checks.length, 2);
  }));

test('whoever looks in the turn of a change sees one revision: all of a commit and nothing after it', () =>
  withWorld(async ({ source, register }) => {
    await register('n1', 'web', ['passing'], ['v0']);
    const seen: string[] = [];
    const look = (): void => {
      const tags = services
        .current()!
        .data.map((one) => one.tags.join())
        .join();
      const rows = service
        .current()!
        .data.map((one) => one.tags.join())
        .join();
      const own = node
        .current()!
        .data!.services.map((one) => one.tags.join())
        .join();
      seen.push(`${tags} ${rows} ${own}`);
    };
    const services = source.subscribe({ type: 'services', dc: '' }, look, () => {});
    const service = source.subscribe(web, look, () => {});
    const node = source.subscribe({ type: 'node', name: 'n1', dc: '' }, look, () => {});
    look();
    await Promise.all([1, 2, 3].map((i) => register('n1', 'web', ['passing'], [`v${i}`])));
    assert.equal(seen.at(-1), 'v3 v3 v3');
    for (const one of seen) assert.equal(new Set(one.split(' ')).size, 1, one);
  }));
