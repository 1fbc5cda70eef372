/** What servers say that are behind the others, away for a while, replaced, or in trouble with a part only. */
import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FakeConsul } from './consul.testkit.ts';
import { HttpSource } from './source-http.ts';
import type { HttpSourceOptions } from './source-http.ts';
import type { HealthService, Query, Subscription } from './source.ts';
import { until } from './until.testkit.ts';

const many = 40;

function serviceQuery(name: string, dc = '') {
  return { type: 'service', name, tag: '', dc, near: '', filters: ['any'] } as const;
}

function fill(consul: FakeConsul, nodes = 2): void {
  for (let i = 0; i < many; i++) {
    for (let k = 0; k < nodes; k++) consul.register(instanceOf(i, k));
  }
}

function instanceOf(i: number, k = 0, port = 1000 + i) {
  return { node: `n${k}`, id: `s${i}-${k}`, service: `s${i}`, port, status: 'passing' };
}

class Scene {
  readonly consul: FakeConsul;
  readonly source: HttpSource;
  readonly errors: string[] = [];

  private constructor(consul: FakeConsul, source: HttpSource) {
    this.consul = consul;
    this.source = source;
  }

  static async open(
    t: TestContext,
    options: Partial<HttpSourceOptions> = {},
    nodes?: number,
  ): Promise<Scene> {
    const consul = new FakeConsul();
    fill(consul, nodes);
    const address = await consul.listen(t);
    const retry = { minMs: 10, maxMs: 50 };
    const source = new HttpSource({ address, retry, settleMs: 30, ...options });
    t.after(() => source.close());
    return new Scene(consul, source);
  }

  follow<Q extends Query>(query: Q): Subscription<Q> {
    return this.source.subscribe(
      query,
      () => {},
      (error) => this.errors.push(error.message),
    );
  }

  /** Services s0 ... s39, until all are known and nothing is asked any more. */
  async followMany(): Promise<readonly Subscription[]> {
    const all = Array.from({ length: many }, (_, i) => this.follow(serviceQuery(`s${i}`)));
    await until(() => all.every((one) => one.current() !== undefined));
    await this.quiet();
    return all;
  }

  async quiet(): Promise<void> {
    for (let seen = -1; seen !== this.consul.seen.length; ) {
      seen = this.consul.seen.length;
      await delay(400);
    }
  }

  /** What was asked for since. */
  since(before: number): readonly string[] {
    return this.consul.seen.slice(before);
  }
}

function hasPort(subscription: Subscription | undefined, port: number): boolean {
  const instances = subscription?.current()?.data as readonly HealthService[] | undefined;
  return instances?.some((one) => one.port === port) === true;
}

/** What a server says to `path` now, for later. */
async function recorded(consul: FakeConsul, path: string): Promise<(response: ServerResponse) => void> {
  const answer = await fetch(`http://127.0.0.1:${consul.port}${path}`);
  const body = await answer.text();
  const index = answer.headers.get('x-consul-index')!;
  return (response) =>
    void response.writeHead(200, { 'X-Consul-Index': index, 'X-Consul-LastContact': '30' }).end(body);
}

test('an answer that is late does not take the place of a newer one', async (t) => {
  const scene = await Scene.open(t);
  const follows = await scene.followMany();
  const { consul } = scene;
  consul.register(instanceOf(5, 0, 7001));
  const late: { answer?: () => void } = {};
  consul.fault = ({ pathname }, response) => {
    if (pathname !== '/v1/health/service/s5' || late.answer !== undefined) return undefined;
    void recorded(consul, pathname).then((answer) => setTimeout(() => answer(response), 150));
    late.answer = () => {};
    return 'handled';
  };
  await until(() => late.answer !== undefined);
  await delay(30);
  consul.register(instanceOf(5, 0, 7002));
  await until(() => hasPort(follows[5], 7002), 800);
  await delay(300);
  assert.ok(hasPort(follows[5], 7002));
});

test('a turn that a server behind the others answers takes nothing back', async (t) => {
  const scene = await Scene.open(t, { mostCheckBytes: 100 });
  const { consul } = scene;
  const old = await recorded(consul, '/v1/health/service/s5');
  const all = Array.from({ length: many }, (_, i) => scene.follow(serviceQuery(`s${i}`)));
  await until(() => all.every((one) => one.current() !== undefined));
  consul.register(instanceOf(5, 0, 7001));
  await until(() => hasPort(all[5], 7001), 2200);
  consul.fault = ({ pathname, searchParams }, response) => {
    if (pathname !== '/v1/health/service/s5' || !searchParams.has('stale')) return undefined;
    old(response);
    return 'handled';
  };
  const before = consul.seen.length;
  await until(() => scene.since(before).filter((url) => url.includes('/service/s5')).length > 3);
  assert.ok(hasPort(all[5], 7001));
});

test('what a follower of the leader says of a change that names nothing is asked for once more', async (t) => {
  const scene = await Scene.open(t, { maxStaleMs: 300 }, 10);
  const follows = await scene.followMany();
  const { consul } = scene;
  const old = await recorded(consul, '/v1/health/service/s5');
  let isBehind = true;
  consul.fault = ({ pathname, searchParams }, response) => {
    if (pathname !== '/v1/health/service/s5' || !searchParams.has('stale') || !isBehind) return undefined;
    old(response);
    return 'handled';
  };
  consul.moveNode('n0', '10.9.9.9');
  await delay(100);
  isBehind = false;
  const hasMoved = (): boolean =>
    (follows[5]!.current()!.data as readonly HealthService[]).some(({ address }) => address === '10.9.9.9');
  assert.ok(!hasMoved());
  await until(hasMoved, 800);
});

test('several changes at one index are all told, also those that nothing names', async (t) => {
  for (const nodes of [2, 10]) {
    const scene = await Scene.open(t, {}, nodes);
    const follows = await scene.followMany();
    scene.consul.together(() => {
      scene.consul.register({ ...instanceOf(3), tags: ['new'] });
      scene.consul.register(instanceOf(4, 0, 7004));
    });
    await until(() => hasPort(follows[4], 7004), 1000);
    scene.consul.together(() => {
      scene.consul.register({ ...instanceOf(6), status: 'critical' });
      scene.consul.register(instanceOf(7, 0, 7007));
    });
    await until(() => hasPort(follows[7], 7007), 1000);
    await scene.source.close();
  }
});

test('an instance without a check on a node that was not there before is found', async (t) => {
  const scene = await Scene.open(t);
  let held: ServerResponse | undefined;
  // The list of nodes comes late.
  scene.consul.fault = ({ pathname, searchParams }, response) => {
    if (pathname !== '/v1/catalog/nodes' || !searchParams.has('index') || held !== undefined)
      return undefined;
    held = response;
    return 'handled';
  };
  const follows = await scene.followMany();
  scene.consul.register({ node: 'n9', id: 'x', service: 's3', port: 7003 });
  scene.consul.register(instanceOf(8, 0, 7008));
  await delay(300);
  held!.destroy();
  await until(() => hasPort(follows[3], 7003) && hasPort(follows[8], 7008), 1500);
});

test('a datacenter in trouble holds up no other', async (t) => {
  const scene = await Scene.open(t, { retry: { minMs: 250, maxMs: 60_000 } });
  const { consul } = scene;
  consul.fault = ({ searchParams }, response) => {
    if (searchParams.get('dc') !== 'dc9') return undefined;
    setTimeout(() => response.writeHead(500).end('No path to datacenter'), 20);
    return 'handled';
  };
  const far = Array.from({ length: 5 }, (_, i) => scene.follow(serviceQuery(`s${i}`, 'dc9')));
  const near = Array.from({ length: many }, (_, i) => scene.follow(serviceQuery(`s${i}`)));
  await until(() => near.every((one) => one.current() !== undefined), 1000);
  for (let i = 0; i < 5; i++) {
    await delay(300);
    consul.register(instanceOf(i, 0, 7000 + i));
    await until(() => hasPort(near[i], 7000 + i), 500);
  }
  assert.ok(far.every((one) => one.current() === undefined));
});

test('a list that failed once is known to be back at once: nothing is read in turn any more', async (t) => {
  const scene = await Scene.open(t);
  await scene.followMany();
  const { consul } = scene;
  consul.fault = ({ pathname, searchParams }, response) => {
    if (!/state|catalog/.test(pathname) || !searchParams.has('index')) return undefined;
    response.writeHead(500).end('rpc error');
    return 'handled';
  };
  consul.register(instanceOf(1, 0, 7001));
  await delay(300);
  consul.fault = undefined;
  await delay(800);
  const before = consul.seen.length;
  await delay(600);
  assert.deepEqual(scene.since(before), []);
});

test('a refusal is not answered with a second request', async (t) => {
  const scene = await Scene.open(t, { retry: { minMs: 300, maxMs: 300 } });
  await scene.followMany();
  const { consul } = scene;
  consul.fault = ({ pathname }, response) => {
    if (!pathname.startsWith('/v1/health/service/')) return undefined;
    response.writeHead(429).end('slow down');
    return 'handled';
  };
  const before = consul.seen.length;
  consul.register(instanceOf(1, 0, 7001));
  await delay(200);
  const refused = scene.since(before).filter((url) => url.includes('/health/service/'));
  assert.ok(refused.length > 0 && refused.length <= 4, refused.join('\n'));
  assert.ok(refused.every((url) => url.includes('stale')));
});

test('closing waits for no answer', async (t) => {
  const scene = await Scene.open(t);
  await scene.followMany();
  scene.consul.fault = () => 'handled';
  scene.consul.register({ ...instanceOf(1), status: 'critical' });
  await delay(100);
  const started = performance.now();
  await scene.source.close();
  assert.ok(performance.now() - started < 500);
});

test('a server that was replaced by one with the same indexes is read from the start', async (t) => {
  for (const count of [3, many]) {
    const first = new FakeConsul();
    fill(first);
    const address = await first.listen();
    const source = new HttpSource({ address, retry: { minMs: 10, maxMs: 50 } });
    const nothing = (): void => {};
    const follows = Array.from({ length: count }, (_, i) =>
      source.subscribe(serviceQuery(`s${i}`), nothing, nothing),
    );
    await until(() => follows.every((one) => one.current() !== undefined) && first.holds >= 3);
    const { port } = first;
    await first.close();
    await delay(60);
    const second = new FakeConsul();
    for (let i = 0; i < many; i++) for (let k = 0; k < 2; k++) second.register(instanceOf(i, k, 5000 + i));
    await second.listen(t, port);
    await until(() => follows.every((one, i) => hasPort(one, 5000 + i)), 2000);
    await source.close();
  }
});

test('a page that says not found is no absent key', async (t) => {
  const scene = await Scene.open(t);
  scene.consul.put('a', '1');
  const key = scene.follow({ type: 'key', key: 'a', dc: '' });
  const prefix = scene.follow({ type: 'prefix', prefix: 'a', dc: '' });
  await until(() => key.current() !== undefined && prefix.current() !== undefined);
  scene.consul.fault = (_, response) => {
    response.writeHead(404).end('default backend - 404');
    return 'handled';
  };
  // Wakes those that are held; the page is the answer to the next requests.
  scene.consul.put('a', '2');
  await delay(150);
  assert.notEqual(key.current()!.data, null);
  assert.equal(prefix.current()!.data.length, 1);
  scene.consul.fault = undefined;
  scene.consul.put('a', '3');
  await until(() => key.current()?.data === '3');
});

test('a key that is dropped and asked for again in one turn is followed', async (t) => {
  const scene = await Scene.open(t);
  await scene.followMany();
  scene.consul.put('a/1', '1');
  const before = scene.follow({ type: 'key', key: 'a/1', dc: '' });
  await until(() => before.current()?.data === '1');
  before.close();
  const after = scene.follow({ type: 'key', key: 'a/1', dc: '' });
  await until(() => after.current()?.data === '1');
  scene.consul.put('a/1', '2');
  await until(() => after.current()?.data === '2', 500);
});

test('a key that is asked for while its folder may not be listed is read in turn like the others', async (t) => {
  const scene = await Scene.open(t);
  await scene.followMany();
  const { consul } = scene;
  for (let i = 0; i < 6; i++) consul.put(`a/${i}`, '1');
  consul.fault = ({ search }, response) => {
    if (!/recurse|keys/.test(search)) return undefined;
    response.writeHead(403).end('Permission denied');
    return 'handled';
  };
  const keys = Array.from({ length: 5 }, (_, i) => scene.follow({ type: 'key', key: `a/${i}`, dc: '' }));
  await until(() => keys.every((one) => one.current()?.data === '1'));
  const late = scene.follow({ type: 'key', key: 'a/5', dc: '' });
  await until(() => late.current()?.data === '1');
  consul.put('a/5', '2');
  await until(() => late.current()?.data === '2', 2200);
  keys[0]!.close();
  await delay(100);
  const before = consul.seen.length;
  await delay(1700);
  assert.ok(scene.since(before).every((url) => !url.includes('/kv/a/0')));
});

test('a folder whose answer broke off is still read as a whole', async (t) => {
  const scene = await Scene.open(t);
  await scene.followMany();
  const { consul } = scene;
  for (let i = 0; i < 6; i++) consul.put(`a/${i}`, '1');
  const keys = Array.from({ length: 6 }, (_, i) => scene.follow({ type: 'key', key: `a/${i}`, dc: '' }));
  let cuts = 0;
  consul.fault = ({ search }) => (search.includes('recurse') && cuts++ < 2 ? 'cut' : undefined);
  await until(() => keys.every((one) => one.current()?.data === '1'));
  consul.put('a/0', '2');
  await until(() => keys[0]!.current()?.data === '2', 1000);
  await scene.quiet();
  const before = consul.seen.length;
  consul.put('a/3', '3');
  await until(() => keys[3]!.current()?.data === '3', 500);
  assert.ok(
    scene.since(before).every((url) => url.includes('recurse')),
    scene.since(before).join('\n'),
  );
});

test('datacenters: one that hangs is not reached; a server that asks for patience says nothing of any', async (t) => {
  const scene = await Scene.open(t);
  let status = 500;
  scene.consul.fault = ({ pathname, searchParams }, response) => {
    if (pathname === '/v1/catalog/datacenters') response.end('["dc1","dc2"]');
    else if (searchParams.get('dc') === 'dc2') response.writeHead(status).end('No path to datacenter');
    else return undefined;
    return 'handled';
  };
  const query = { type: 'datacenters', dc: '', onlyReachable: true } as const;
  const first = scene.follow(query);
  await until(() => first.current() !== undefined);
  assert.deepEqual(first.current()!.data, ['dc1']);
  first.close();
  await delay(1);
  status = 429;
  const second = scene.follow(query);
  await until(() => scene.errors.length > 0);
  assert.equal(second.current(), undefined);
  second.close();
  await delay(1);
  // No cluster leader.
  scene.consul.fault = ({ pathname }, response) => {
    if (pathname === '/v1/catalog/datacenters') response.end('["dc1"]');
    else response.writeHead(500).end('No cluster leader');
    return 'handled';
  };
  const told = scene.errors.length;
  const third = scene.follow(query);
  await until(() => scene.errors.length > told);
  assert.equal(third.current(), undefined);
});
