import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { startHttp, type HttpKit } from './http.testkit.ts';

/** What may be said when a session is made, beyond what the recorded contract shows. */
let kit: HttpKit;
before(async () => {
  kit = await startHttp();
  const checks = ['serfHealth', 'beat'].map((CheckID) => ({ CheckID, Name: CheckID, Status: 'passing' }));
  await put('/v1/catalog/register', { Node: 'n', Address: '192.0.2.1', Checks: checks });
});
after(() => kit.stop());

async function put(path: string, body?: unknown): Promise<{ status: number; text: string }> {
  const init = { method: 'PUT', ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const response = await fetch(kit.url + path, init);
  return { status: response.status, text: await response.text() };
}

async function made(body: object): Promise<Readonly<Record<string, unknown>>> {
  const { status, text } = await put('/v1/session/create', { Node: 'n', ...body });
  assert.equal(status, 200, text);
  const { ID } = JSON.parse(text) as { readonly ID: string };
  const answer = await fetch(`${kit.url}/v1/session/info/${ID}`);
  return ((await answer.json()) as Readonly<Record<string, unknown>>[])[0]!;
}

const rows: readonly { readonly name: string; readonly body: object; readonly want: object }[] = [
  { name: 'serfHealth without a word', body: {}, want: { NodeChecks: ['serfHealth'], Checks: undefined } },
  {
    name: 'the old field is kept beside the default of the new one',
    body: { Checks: ['beat'] },
    want: { NodeChecks: ['serfHealth'], Checks: ['beat'] },
  },
  {
    name: 'the new field, and nothing of the old one',
    body: { NodeChecks: ['beat'] },
    want: { NodeChecks: ['beat'], Checks: undefined },
  },
  {
    name: 'an empty list in either field means no node checks',
    body: { NodeChecks: ['beat'], Checks: [] },
    want: { NodeChecks: [], Checks: undefined },
  },
  {
    name: 'null is an empty list',
    body: { Checks: null },
    want: { NodeChecks: [], Checks: undefined },
  },
  {
    name: 'snake case',
    body: { node_checks: [], lock_delay: '1s' },
    want: { NodeChecks: [], LockDelay: 1e9 },
  },
  { name: 'a number of seconds', body: { LockDelay: 999 }, want: { LockDelay: 999e9 } },
  { name: 'a number of nanoseconds', body: { LockDelay: 1000 }, want: { LockDelay: 1000 } },
  {
    name: 'a text of few nanoseconds is taken for seconds',
    body: { LockDelay: '5ns' },
    want: { LockDelay: 5e9 },
  },
  { name: 'a fraction of a second', body: { LockDelay: '0.5s' }, want: { LockDelay: 5e8 } },
  { name: 'no delay', body: { LockDelay: 0 }, want: { LockDelay: 0 } },
  { name: 'null is the default', body: { LockDelay: null, TTL: null }, want: { LockDelay: 15e9, TTL: '' } },
  {
    name: 'fields of a service check that nobody knows are ignored',
    body: { ServiceChecks: [{ id: 'beat', Other: 1 }] },
    want: { ServiceChecks: [{ ID: 'beat', Namespace: '' }] },
  },
  { name: 'the node as it was written', body: { Node: 'N' }, want: { Node: 'N' } },
];

for (const { name, body, want } of rows) {
  test(`a session is made: ${name}`, async () => {
    const session = await made(body);
    for (const [field, value] of Object.entries(want)) assert.deepEqual(session[field], value, field);
  });
}

test("a body may be left out, and the node is then the agent's own", async () => {
  const { status, text } = await put('/v1/session/create');
  // The kit's agent has no lease: its node is not alive.
  assert.deepEqual([status, text], [500, "apply failed: Missing check 'serfHealth' registration"]);
});

test('flags of a lock are read before the session is looked at', async () => {
  const { status, text } = await put('/v1/kv/a?acquire=x&flags=abc', {});
  assert.deepEqual([status, text], [500, 'strconv.ParseUint: parsing "abc": invalid syntax']);
});
