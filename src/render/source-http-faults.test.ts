import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import type { TestContext } from 'node:test';
import { FakeConsul } from './consul.testkit.ts';
import type { Fault } from './consul.testkit.ts';
import { HttpSource } from './source-http.ts';
import type { HttpSourceOptions } from './source-http.ts';
import { until } from './until.testkit.ts';

interface Scene {
  readonly consul: FakeConsul;
  readonly values: (string | null)[];
  readonly errors: string[];
  readonly asked: () => number;
}

/** A source that follows key `a` of a Consul. */
async function open(t: TestContext, options: Partial<HttpSourceOptions> = {}, fault?: Fault): Promise<Scene> {
  const consul = new FakeConsul();
  consul.put('a', '1');
  consul.fault = fault;
  const address = await consul.listen(t);
  const source = new HttpSource({ address, retry: { minMs: 5, maxMs: 20 }, ...options });
  t.after(() => source.close());
  const values: (string | null)[] = [];
  const errors: string[] = [];
  const subscription = source.subscribe(
    { type: 'key', key: 'a', dc: '' },
    () => values.push(subscription.current()!.data),
    (error) => errors.push(error.message),
  );
  return { consul, values, errors, asked: () => consul.seen.length };
}

function refuse(status: number, body: string, headers: Record<string, string> = {}): Fault {
  return (_, response) => {
    response.writeHead(status, headers).end(body);
    return 'handled';
  };
}

function says(body: string, headers: Record<string, string> = {}): Fault {
  return refuse(200, body, { 'X-Consul-Index': '5', ...headers });
}

const troubles: readonly { readonly name: string; readonly fault: Fault; readonly error: RegExp }[] = [
  {
    name: '500',
    fault: refuse(500, 'No cluster leader'),
    error: /^key "a": Unexpected response code: 500 \(No cluster leader\)$/,
  },
  {
    name: "a proxy's page",
    fault: refuse(502, '<html><head><title>502 Bad Gateway</title></head>...</html>'),
    error: /^key "a": Unexpected response code: 502 \(502 Bad Gateway\)$/,
  },
  { name: '429', fault: refuse(429, 'too many'), error: /429 \(too many\)/ },
  {
    name: '403',
    fault: refuse(403, 'Permission denied'),
    error: /^the access token may not read key "a" \(403: Permission denied\)$/,
  },
  { name: 'a page with status 200', fault: says('<html>login</html>'), error: /not JSON: <html>login/ },
  { name: 'half a document', fault: says('[{"Key":"a","Va'), error: /not JSON/ },
  { name: 'another document', fault: says('{"a":1}'), error: /not a Consul's/ },
  { name: 'a list of nonsense', fault: says('[1, null]'), error: /not a Consul's|Cannot convert/ },
  { name: 'a body cut in half', fault: () => 'cut', error: /key "a"|terminated|closed|aborted/ },
];

for (const { name, fault, error } of troubles) {
  test(`${name}: told once, tried again, and taken when it is over`, async (t) => {
    const { consul, values, errors, asked } = await open(t, {}, fault);
    await until(() => asked() > 4);
    assert.equal(errors.length, 1);
    assert.match(errors[0]!, error);
    consul.fault = undefined;
    await until(() => values.length === 1);
    assert.deepEqual(values, ['1']);
  });
}

test('Retry-After is kept to, in seconds', async (t) => {
  const startedMs = performance.now();
  const { consul, values, asked } = await open(t, {}, refuse(429, '', { 'Retry-After': '1' }));
  await until(() => asked() === 1);
  consul.fault = undefined;
  await until(() => values.length === 1);
  const tookMs = performance.now() - startedMs;
  // The third is the one that waits for the next change.
  assert.ok(tookMs > 990 && asked() <= 3, `${tookMs} ms, ${asked()} requests`);
});

test('an answer without an index is asked for again once a second', async (t) => {
  const { consul, values, asked } = await open(t, {}, () => ({ noIndex: true }));
  await until(() => values.length === 1);
  consul.put('a', '2');
  await until(() => values.length === 2, 1500);
  assert.ok(asked() <= 3);
});

test('a nonsensical index is none', async (t) => {
  const body = JSON.stringify([
    { LockIndex: 0, Key: 'a', Flags: 0, Value: 'MQ==', CreateIndex: 1, ModifyIndex: 1 },
  ]);
  for (const index of ['x', '-5', '1e400']) {
    const { values, asked, errors } = await open(t, {}, says(body, { 'X-Consul-Index': index }));
    await until(() => values.length === 1);
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual([asked(), errors], [1, []], index);
  }
});

test('a proxy that ends idle requests is no failure, and later ones end before it', async (t) => {
  const held = new Set<ServerResponse>();
  const { consul, values, errors } = await open(t, {}, (url, response) => {
    if (!url.searchParams.has('index') || Number.parseFloat(url.searchParams.get('wait')!) <= 1000)
      return undefined;
    held.add(response);
    setTimeout(() => response.destroy(), 150);
    return 'handled';
  });
  await until(() => consul.seen.some((url) => url.includes('wait=1000ms')));
  consul.put('a', '2');
  await until(() => values.length === 2);
  assert.deepEqual([errors, held.size], [[], 1]);
});

test('a gateway that times out while it waits is no failure', async (t) => {
  let gateways = 0;
  const { errors } = await open(t, {}, (url, response) => {
    if (!url.searchParams.has('index')) return undefined;
    gateways++;
    setTimeout(() => response.writeHead(504).end('<title>Gateway Timeout</title>'), 120);
    return 'handled';
  });
  await until(() => gateways === 1);
  await new Promise((resolve) => setTimeout(resolve, 150));
  assert.deepEqual(errors, []);
  // One that goes on is one.
  await until(() => errors.length === 1);
});

test('a slow server is waited for', async (t) => {
  const { values, errors } = await open(t, {}, (_, response) => {
    response.writeHead(200, { 'X-Consul-Index': '5' });
    const rows = '[{"LockIndex":0,"Key":"a","Flags":0,"Value":"MQ==","CreateIndex":1,"ModifyIndex":1}]';
    let at = 0;
    const timer = setInterval(() => {
      response.write(rows.slice(at, at + 20));
      at += 20;
      if (at < rows.length) return;
      clearInterval(timer);
      response.end();
    }, 30);
    return 'handled';
  });
  await until(() => values.length === 1);
  assert.deepEqual([values, errors], [['1'], []]);
});

test('a server that is not there is found when it comes, by all queries together', async (t) => {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, '127.0.0.1', resolve));
  const { port } = probe.address() as AddressInfo;
  await new Promise((resolve) => probe.close(resolve));
  const source = new HttpSource({ address: `127.0.0.1:${port}`, retry: { minMs: 40, maxMs: 600 } });
  t.after(() => source.close());
  const values: unknown[] = [];
  const errors: Error[] = [];
  for (let i = 0; i < 12; i++) {
    source.subscribe(
      { type: 'key', key: `k${i}`, dc: '' },
      () => values.push(i),
      (error) => errors.push(error),
    );
  }
  await until(() => errors.length === 12);
  await new Promise((resolve) => setTimeout(resolve, 300));
  const consul = new FakeConsul();
  await consul.listen(t, port);
  await until(() => values.length > 0);
  await until(() => values.length === 12, 1000);
});

test('many queries on a server in trouble: it is left alone, and all is well again soon', async (t) => {
  const consul = new FakeConsul();
  for (let i = 0; i < 40; i++) {
    consul.register({ node: 'n', id: `s${i}`, service: `s${i}`, port: i, status: 'passing' });
  }
  const source = new HttpSource({ address: await consul.listen(t), retry: { minMs: 20, maxMs: 60 } });
  t.after(() => source.close());
  let changes = 0;
  for (let i = 0; i < 40; i++) {
    source.subscribe(
      { type: 'service', name: `s${i}`, tag: '', dc: '', near: '', filters: ['any'] },
      () => changes++,
      () => {},
    );
  }
  await until(() => changes === 40);
  consul.fault = refuse(500, 'rpc error');
  consul.register({ node: 'n', id: 's1', service: 's1', port: 9, status: 'passing' });
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = consul.seen.length;
  await new Promise((resolve) => setTimeout(resolve, 400));
  const asked = consul.seen.length - before;
  assert.ok(asked < 100, `${asked} requests in 400 ms`);
  consul.fault = undefined;
  await until(() => changes === 41, 500);
});
