import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client, ClientError } from '@portolan/sdk';
import { startHttp, type HttpKit } from './http.testkit.ts';

/** The published client against the server: what one writes the other reads. */
let kit: HttpKit;
let client: Client;
before(async () => {
  kit = await startHttp();
  client = new Client({ address: `127.0.0.1:${kit.port}` });
});
after(() => kit.stop());

test('services and checks of the agent', async () => {
  const { agent, health } = client;
  await agent.registerService({
    Name: 'web',
    ID: 'web/100%',
    Port: 80,
    Check: { TTL: '1h', CheckID: 'web-ttl' },
  });
  assert.equal((await agent.services({ filter: 'Service == web' }))['web/100%']?.Port, 80);
  const found = await agent.service('web/100%');
  assert.equal(found?.Service, 'web');
  assert.equal(await agent.service('other'), undefined);
  const same = agent.service('web/100%', { hash: found.ContentHash!, waitMs: 30_000 });
  await agent.registerService({ Name: 'web', ID: 'web/100%', Port: 81 }, { replaceExistingChecks: false });
  assert.equal((await same)?.Port, 81);
  assert.deepEqual((await health.service('web', { passing: true })).data, []);
  await agent.updateCheck('web-ttl', 'passing', 'fine');
  assert.equal((await health.service('web', { passing: true })).data[0]?.Service.Port, 81);
  await agent.maintenance('web/100%', true, 'disk');
  assert.equal((await health.checks('web')).data[0]?.Notes, 'disk');
  await agent.maintenance('web/100%', false);
  await agent.registerCheck({ Name: 'node check', TTL: '1h', Status: 'passing' });
  assert.equal((await agent.checks())['node check']?.Status, 'passing');
  await agent.deregisterCheck('node check');
  await agent.deregisterService('web/100%');
  assert.deepEqual((await health.service('web')).data, []);
});

test('sessions and the locks that they hold', async () => {
  const { catalog, kv, session } = client;
  await catalog.register({ Node: 'locks', Address: '192.0.2.8' });
  const definition = { Node: 'locks', NodeChecks: [], LockDelay: '0s' } as const;
  const one = await session.create({ ...definition, Name: 'one', TTL: '10s' });
  const two = await session.create(definition);
  assert.equal((await session.renew(one))?.Name, 'one');
  assert.equal(await kv.acquire('lock/a', 'by one', one, { flags: 2n ** 64n - 1n }), true);
  assert.equal(await kv.acquire('lock/a', 'by two', two), false);
  assert.equal(await kv.release('lock/a', '', two), false);
  const held = await kv.get('lock/a');
  assert.deepEqual([held.data?.session, held.data?.lockIndex, held.data?.flags], [one, 1, 2n ** 64n - 1n]);
  const ids = (entries: readonly { readonly ID: string }[]): string[] => entries.map(({ ID }) => ID);
  assert.deepEqual(ids((await session.node('locks')).data), [one, two].sort());
  const listed = await session.list();
  assert.deepEqual(ids(listed.data), [one, two].sort());
  const changed = session.list({ index: listed.index, waitMs: 30_000 });
  assert.equal(await session.destroy(one), true);
  assert.deepEqual(ids((await changed).data), [two]);
  assert.equal((await session.info(one)).data, undefined);
  assert.equal((await session.info(two)).data?.ID, two);
  assert.equal(await session.renew(one), undefined);
  assert.equal((await kv.get('lock/a')).data?.session, '');
  await assert.rejects(kv.acquire('lock/a', '', one), /raft apply failed: invalid session/);
  await session.destroy(two);
});

test('the catalog, with blocking reads', async () => {
  const { catalog } = client;
  const before = await catalog.service('db');
  assert.deepEqual(before.data, []);
  const next = catalog.service('db', { index: before.index, waitMs: 30_000, tags: ['main'] });
  await catalog.register({
    Node: 'ext',
    Address: '192.0.2.9',
    Service: { Service: 'db', Tags: ['main'], Port: 5432 },
  });
  const after = await next;
  assert.equal(after.data[0]?.ServicePort, 5432);
  assert.ok(after.index > before.index);
  assert.ok(after.knownLeader);
  assert.deepEqual((await catalog.services()).data['db'], ['main']);
  assert.equal((await catalog.node('ext')).data?.Services['db']?.Port, 5432);
  assert.equal((await catalog.node('nobody')).data, null);
  assert.equal((await catalog.nodeServices('ext', { consistency: 'consistent' })).data.Services?.length, 1);
  assert.deepEqual(await catalog.datacenters(), ['dc1']);
  await catalog.deregister({ Node: 'ext' });
  assert.equal((await catalog.nodes({ filter: 'Node == ext' })).data.length, 0);
});

test('keys and values, flags whole, absence as a value', async () => {
  const { kv } = client;
  const key = 'a b/ü?#%25/x';
  assert.equal((await kv.get(key)).data, undefined);
  assert.equal(await kv.put(key, new Uint8Array([0, 255]), { flags: 18446744073709551615n, cas: 0 }), true);
  assert.equal(await kv.put(key, 'again', { cas: 0 }), false);
  const { data } = await kv.get(key);
  assert.equal(data?.key, key);
  assert.deepEqual(data?.value, new Uint8Array([0, 255]));
  assert.equal(data?.flags, 18446744073709551615n);
  await kv.put('a b/empty', '');
  assert.deepEqual(
    (await kv.list('a b/')).data.map((row) => row.value.length),
    [0, 2],
  );
  assert.deepEqual((await kv.keys('a b/', '/')).data, ['a b/empty', 'a b/ü?#%25/']);
  assert.deepEqual((await kv.list('nothing/')).data, []);
  assert.equal(await kv.delete(key, { cas: 1 }), false);
  assert.equal(await kv.delete(key, { cas: data!.modifyIndex }), true);
  await kv.deleteTree('');
  assert.deepEqual((await kv.keys('')).data, []);
  await assert.rejects(kv.put('', 'x'), { code: 'invalid' });
});

test('failures carry status and text; an abort rejects with its reason', async () => {
  await assert.rejects(client.agent.deregisterService('nobody'), (error) => {
    assert.ok(error instanceof ClientError);
    assert.deepEqual([error.code, error.status], ['status', 404]);
    assert.match(error.text, /^Unknown service ID "nobody"/);
    assert.match(error.message, /^Unexpected response code: 404 \(/);
    return true;
  });
  const nowhere = new Client({ address: 'http://127.0.0.1:1' });
  await assert.rejects(nowhere.status.leader(), { code: 'network', status: 0 });
  const controller = new AbortController();
  const { index } = await client.catalog.nodes();
  const parked = client.catalog.nodes({ index, signal: controller.signal });
  controller.abort(new Error('enough'));
  await assert.rejects(parked, { message: 'enough' });
  assert.equal(await client.status.leader(), '127.0.0.1:8300');
  assert.deepEqual(await client.status.peers(), ['127.0.0.1:8300']);
});
