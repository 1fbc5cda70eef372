import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { FakeConsul } from './consul.testkit.ts';
import { HttpSource } from './source-http.ts';
import type { HttpSourceOptions } from './source-http.ts';
import { Entry } from './source-http-entry.ts';
import { folders } from './source-http-keys.ts';
import type { Answers, Query, Subscription } from './source.ts';
import { until } from './until.testkit.ts';

interface Follow<Q extends Query> {
  readonly subscription: Subscription<Q>;
  readonly changes: Answers[Q['type']][];
  readonly errors: Error[];
}

class World {
  readonly consul = new FakeConsul();
  source!: HttpSource;

  static async open(t: TestContext, options: Partial<HttpSourceOptions> = {}): Promise<World> {
    const world = new World();
    const address = await world.consul.listen(t);
    world.source = new HttpSource({ address, retry: { minMs: 10, maxMs: 50 }, settleMs: 30, ...options });
    t.after(() => world.source.close());
    return world;
  }

  follow<Q extends Query>(query: Q): Follow<Q> {
    const changes: Answers[Q['type']][] = [];
    const errors: Error[] = [];
    const subscription = this.source.subscribe(
      query,
      () => changes.push(subscription.current()!.data),
      (error) => errors.push(error),
    );
    return { subscription, changes, errors };
  }

  service(name: string, filters = ['passing']): Follow<ReturnType<typeof serviceQuery>> {
    return this.follow(serviceQuery(name, filters));
  }
}

function serviceQuery(name: string, filters: readonly string[]) {
  return { type: 'service', name, tag: '', dc: '', near: '', filters } as const;
}

const many = 40;

function fill(consul: FakeConsul, status: string | undefined = 'passing'): void {
  for (let i = 0; i < many; i++) {
    for (let k = 0; k < 2; k++) {
      const instance = { node: `n${k}`, id: `s${i}-${k}`, service: `s${i}`, port: 1000 + i };
      consul.register(status === undefined ? instance : { ...instance, status });
    }
  }
}

async function openMany(t: TestContext, options: Partial<HttpSourceOptions> = {}, status?: string | null) {
  const world = await World.open(t, options);
  fill(world.consul, status === null ? undefined : (status ?? 'passing'));
  const follows = Array.from({ length: many }, (_, i) => world.service(`s${i}`));
  await until(() => follows.every(({ changes }) => changes.length > 0));
  await until(
    () => world.consul.holds >= 3 || (options.mostCheckBytes !== undefined && world.consul.holds >= 2),
  );
  return { world, follows, consul: world.consul };
}

/** The first readings, which are done twice, are over. */
async function quiet(consul: FakeConsul): Promise<void> {
  for (let seen = -1; seen !== consul.seen.length; ) {
    seen = consul.seen.length;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

function ports(follow: Follow<ReturnType<typeof serviceQuery>> | undefined): readonly number[] {
  return follow!.subscription.current()!.data.map(({ port }) => port);
}

test('12 queries hold a request each; the 13th makes them share 3, and they part again when it goes', async (t) => {
  const world = await World.open(t);
  fill(world.consul);
  const follows = Array.from({ length: 12 }, (_, i) => world.service(`s${i}`));
  await until(() => world.consul.holds === 12);
  assert.equal(world.source.mode, 'own');
  const last = world.service('s12');
  await until(() => last.changes.length === 1 && world.consul.holds === 3);
  assert.equal(world.source.mode, 'shared');
  world.consul.register({ node: 'n0', id: 's3-0', service: 's3', port: 9, status: 'passing' });
  await until(() => follows[3]!.changes.length === 2, 500);
  last.subscription.close();
  await until(() => world.consul.holds === 12);
  assert.equal(world.source.mode, 'own');
  world.consul.register({ node: 'n0', id: 's4-0', service: 's4', port: 9, status: 'passing' });
  await until(() => follows[4]!.changes.length === 2, 500);
  // Nobody was told anything twice on the way.
  assert.deepEqual(
    follows.map(({ changes }) => changes.length),
    [1, 1, 1, 2, 2, 1, 1, 1, 1, 1, 1, 1],
  );
});

test('many queries: a check, a registration, a removal and a node reach only whom they concern, soon', async (t) => {
  const { follows, consul } = await openMany(t);
  const cases: readonly [string, () => void, number][] = [
    [
      'a check',
      () => consul.register({ node: 'n0', id: 's5-0', service: 's5', port: 1005, status: 'critical' }),
      5,
    ],
    [
      'a port',
      () => consul.register({ node: 'n0', id: 's6-0', service: 's6', port: 1, status: 'passing' }),
      6,
    ],
    [
      'a new one',
      () => consul.register({ node: 'n9', id: 'x', service: 's7', port: 7, status: 'passing' }),
      7,
    ],
    [
      'a tag',
      () =>
        consul.register({
          node: 'n0',
          id: 's8-0',
          service: 's8',
          port: 1008,
          status: 'passing',
          tags: ['a'],
        }),
      8,
    ],
    ['a removal', () => consul.deregister('n1', 's9-1'), 9],
    ['the last one goes', () => ['n0', 'n1'].forEach((node, k) => consul.deregister(node, `s10-${k}`)), 10],
  ];
  for (const [name, act, which] of cases) {
    const before = follows.map(({ changes }) => changes.length);
    act();
    const tookMs = await until(() => follows[which]!.changes.length > before[which]!, 1000);
    assert.ok(tookMs < 500, `${name}: ${tookMs} ms`);
    const others = follows.filter((_, i) => i !== which).map(({ changes }) => changes.length);
    assert.deepEqual(
      others,
      before.filter((_, i) => i !== which),
      name,
    );
  }
  await until(() => follows[10]!.subscription.current()!.data.length === 0, 500);
  consul.checkNode('n1', 'critical');
  await until(
    () => follows.every((follow) => follow.subscription.current()!.data.every(({ node }) => node !== 'n1')),
    800,
  );
  consul.moveNode('n0', '10.9.9.9');
  await until(() => follows[0]!.subscription.current()!.data[0]!.address === '10.9.9.9', 800);
  assert.ok(consul.mostSockets <= 16, String(consul.mostSockets));
});

test('services without checks are noticed by the index of the list of services', async (t) => {
  const { follows, consul } = await openMany(t, {}, null);
  consul.register({ node: 'n1', id: 's39-1', service: 's39', port: 5 });
  await until(() => ports(follows[39]).includes(5), 500);
});

test('many queries on a server that tells no index are read again within 2 s', async (t) => {
  const world = await World.open(t);
  fill(world.consul);
  world.consul.fault = () => ({ noIndex: true });
  const follows = Array.from({ length: 20 }, (_, i) => world.service(`s${i}`));
  await until(() => follows.every(({ changes }) => changes.length === 1));
  world.consul.register({ node: 'n0', id: 's5-0', service: 's5', port: 9, status: 'passing' });
  await until(() => ports(follows[5]).includes(9), 2200);
});

test('of many services on few nodes the nodes tell which has changed', async (t) => {
  const { follows, consul } = await openMany(t, {}, null);
  await quiet(consul);
  const before = consul.seen.length;
  consul.register({ node: 'n1', id: 's38-1', service: 's38', port: 6 });
  consul.deregister('n0', 's37-0');
  await until(() => ports(follows[38]).includes(6) && ports(follows[37]).length === 1);
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.ok(consul.seen.length - before < 15, consul.seen.slice(before).join('\n'));
});

test('of a node that a server behind the others tells nothing new of, all services are read', async (t) => {
  const { follows, consul } = await openMany(t, {}, null);
  await quiet(consul);
  const old = new Map<string, { readonly index: string; readonly body: string }>();
  for (const node of ['n0', 'n1']) {
    const answer = await fetch(`http://127.0.0.1:${consul.port}/v1/catalog/node/${node}`);
    old.set(`/v1/catalog/node/${node}`, {
      index: answer.headers.get('x-consul-index')!,
      body: await answer.text(),
    });
  }
  consul.fault = ({ pathname }, response) => {
    const answer = old.get(pathname);
    if (answer === undefined) return undefined;
    response.writeHead(200, { 'X-Consul-Index': answer.index }).end(answer.body);
    return 'handled';
  };
  consul.register({ node: 'n1', id: 's39-1', service: 's39', port: 5 });
  await until(() => ports(follows[39]).includes(5), 500);
});

test('a stream of changes that no check names is told while it lasts, and nothing else is read', async (t) => {
  const { follows, consul } = await openMany(t, {}, null);
  await quiet(consul);
  const reads = (): number => consul.seen.filter((url) => url.startsWith('/v1/health/service/')).length;
  const before = reads();
  const changed = 30;
  for (let i = 0; i < 300; i++) {
    const which = Math.floor(i / 10);
    consul.register({ node: 'n1', id: `s${which}-1`, service: `s${which}`, port: 2000 + i });
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const inTime = follows.filter(({ changes }) => changes.length > 1).length;
  assert.ok(inTime >= changed / 2, `${inTime} of ${changed}`);
  for (let i = 0; i < changed; i++) await until(() => ports(follows[i]).includes(2009 + 10 * i), 800);
  assert.ok(reads() - before < 2 * changed + many, `${reads() - before} reads`);
  assert.deepEqual(new Set(follows.slice(changed).map(({ changes }) => changes.length)), new Set([1]));
});

test('a list of checks that is too large is not followed: everything is read again within 2 s', async (t) => {
  const { follows, consul } = await openMany(t, { mostCheckBytes: 2000 });
  const asked = (): number => consul.seen.filter((url) => url.includes('/health/state/')).length;
  assert.equal(asked(), 1);
  consul.register({ node: 'n0', id: 's20-0', service: 's20', port: 1020, status: 'critical' });
  await until(() => ports(follows[20]).length === 1, 2000);
  assert.equal(asked(), 1);
  assert.ok(consul.mostSockets <= 16);
});

test('nothing is asked but the held requests while nothing changes', async (t) => {
  const { consul } = await openMany(t);
  await new Promise((resolve) => setTimeout(resolve, 700));
  const before = consul.seen.length;
  await new Promise((resolve) => setTimeout(resolve, 400));
  assert.ok(consul.seen.length - before <= 1, consul.seen.slice(before).join('\n'));
});

test('lists of services and nodes, nodes and datacenters share the connections too', async (t) => {
  const { world, consul } = await openMany(t);
  const services = world.follow({ type: 'services', dc: '' });
  const nodes = world.follow({ type: 'nodes', dc: '', near: '' });
  const node = world.follow({ type: 'node', name: 'n0', dc: '' });
  const datacenters = world.follow({ type: 'datacenters', dc: '', onlyReachable: false });
  await until(() => [services, nodes, node, datacenters].every(({ changes }) => changes.length === 1));
  consul.register({ node: 'n0', id: 'new', service: 'new', port: 1, status: 'passing' });
  await until(() => services.changes.length === 2 && node.changes.length === 2, 500);
  consul.register({ node: 'n2', id: 'z', service: 'new', port: 1, status: 'passing' });
  await until(() => nodes.changes.length === 2, 500);
  assert.ok(consul.mostSockets <= 16);
});

test('keys: folders are followed as a whole, one alone by itself, and all answers are those of single reads', async (t) => {
  const world = await World.open(t);
  for (let i = 0; i < 20; i++) world.consul.put(`app/${i}/name`, `v${i}`);
  world.consul.put('other/one', '1');
  const keys = Array.from({ length: 20 }, (_, i) =>
    world.follow({ type: 'key', key: `app/${i}/name`, dc: '' }),
  );
  const one = world.follow({ type: 'key', key: 'other/one', dc: '' });
  const absent = world.follow({ type: 'key', key: 'app/none', dc: '' });
  const tree = world.follow({ type: 'prefix', prefix: 'app/1', dc: '' });
  const all = [...keys, one, absent, tree] as const;
  await until(() => all.every(({ changes }) => changes.length === 1));
  assert.equal(world.source.mode, 'shared');
  assert.deepEqual(
    keys.map(({ changes }) => changes[0]),
    Array.from({ length: 20 }, (_, i) => `v${i}`),
  );
  assert.deepEqual([one.changes[0], absent.changes[0]], ['1', null]);
  assert.deepEqual(
    tree.changes[0]!.map(({ key }) => key),
    [
      'name',
      '0/name',
      '1/name',
      '2/name',
      '3/name',
      '4/name',
      '5/name',
      '6/name',
      '7/name',
      '8/name',
      '9/name',
    ],
  );
  await until(() => world.consul.holds === 2);
  world.consul.put('app/7/name', 'new');
  await until(() => keys[7]!.changes.length === 2, 500);
  world.consul.put('app/none', 'now');
  world.consul.delete('app/8/name');
  world.consul.put('other/one', '2');
  await until(
    () => absent.changes.length === 2 && keys[8]!.changes[1] === null && one.changes.length === 2,
    500,
  );
  const late = world.follow({ type: 'key', key: 'app/9/late', dc: '' });
  await until(() => late.changes.length === 1);
  world.consul.put('app/9/late', 'x');
  await until(() => late.changes[1] === 'x', 500);
  assert.equal(tree.changes.length, 1);
});

test('keys below a folder that is too large are followed by its index', async (t) => {
  const world = await World.open(t);
  world.consul.put('big/blob', 'x'.repeat(1_200_000));
  for (let i = 0; i < 15; i++) world.consul.put(`big/${i}`, 'a');
  const keys = Array.from({ length: 15 }, (_, i) => world.follow({ type: 'key', key: `big/${i}`, dc: '' }));
  await until(() => keys.every(({ changes }) => changes.length === 1) && world.consul.holds === 1);
  world.consul.put('big/3', 'b');
  await until(() => keys[3]!.changes[1] === 'b', 500);
  assert.ok(world.consul.seen.some((url) => url.includes('keys') && url.includes('index=')));
});

test('a token that may not list: everything is still read again within 2 s', async (t) => {
  const world = await World.open(t);
  fill(world.consul);
  for (let i = 0; i < 5; i++) world.consul.put(`k/${i}`, 'a');
  world.consul.fault = (url, response) => {
    if (!/catalog\/|state\/|recurse|keys/.test(url.href)) return undefined;
    response.writeHead(403).end('Permission denied');
    return 'handled';
  };
  const follows = Array.from({ length: many }, (_, i) => world.service(`s${i}`));
  const keys = Array.from({ length: 5 }, (_, i) => world.follow({ type: 'key', key: `k/${i}`, dc: '' }));
  await until(() => [...follows, ...keys].every(({ changes }) => changes.length === 1));
  world.consul.register({ node: 'n0', id: 's1-0', service: 's1', port: 2, status: 'passing' });
  world.consul.put('k/2', 'b');
  await until(() => follows[1]!.changes.length === 2 && keys[2]!.changes.length === 2, 2200);
});

function withoutIndexes(name: string, value: unknown): unknown {
  return name === 'createIndex' || name === 'modifyIndex' ? undefined : value;
}

test('a restored server is read from the start; one that was away is caught up with', async (t) => {
  const { follows, consul } = await openMany(t);
  const { port } = consul;
  consul.register({ node: 'n0', id: 's2-0', service: 's2', port: 77, status: 'passing' });
  consul.restore();
  await until(() => ports(follows[2]).includes(77), 1000);
  consul.register({ node: 'n0', id: 's3-0', service: 's3', port: 78, status: 'passing' });
  await until(() => ports(follows[3]).includes(78), 1000);
  await consul.close();
  await new Promise((resolve) => setTimeout(resolve, 60));
  const again = new FakeConsul();
  fill(again);
  again.register({ node: 'n0', id: 's4-0', service: 's4', port: 79, status: 'passing' });
  await again.listen(t, port);
  await until(() => ports(follows[4]).includes(79), 2000);
  // What was seen before stands: nothing but the indexes of checks has become another.
  for (const { changes } of [follows[0]!, follows[9]!]) {
    const [first, ...later] = changes.map((answer) => JSON.stringify(answer, withoutIndexes));
    assert.ok(later.length <= 3 && later.every((text) => text === first));
  }
});

test('two datacenters are followed, further ones are read again within 2 s', async (t) => {
  const world = await World.open(t);
  fill(world.consul);
  const follows = ['', 'dc1', 'dc2', 'dc3'].flatMap((dc) =>
    Array.from({ length: 4 }, (_, i) => world.follow({ ...serviceQuery(`s${i}`, ['any']), dc })),
  );
  await until(() => follows.every(({ changes }) => changes.length === 1) && world.consul.holds === 6);
  world.consul.register({ node: 'n0', id: 's1-0', service: 's1', port: 2, status: 'passing' });
  await until(() => follows.filter((_, i) => i % 4 === 1).every(({ changes }) => changes.length === 2), 2200);
  assert.ok(world.consul.mostSockets <= 16);
});

test('folders: the deepest that are few enough', () => {
  const rows: readonly [readonly string[], readonly string[]][] = [
    [
      ['a/b/c', 'a/b/d'],
      ['a/b/c', 'a/b/d'],
    ],
    [['a/1/x', 'a/2/x', 'a/3/x', 'a/4/x', 'a/5/x'], ['a/']],
    [
      ['a/1', 'a/2', 'a/3', 'a/4', 'b/1', 'c'],
      ['a/', 'b/', 'c'],
    ],
    [['a', 'b', 'c', 'd', 'e'], ['']],
    [
      ['a/', 'a/b', 'a/b/c', 'a/b/d', 'a/b/e'],
      ['a/', 'a/b', 'a/b/'],
    ],
    [[], []],
  ];
  for (const [paths, want] of rows) {
    const entries = paths.map((key) => new Entry({ type: 'key', key, dc: '' }));
    assert.deepEqual([...folders(entries).keys()].sort(), want, paths.join(' '));
  }
});
