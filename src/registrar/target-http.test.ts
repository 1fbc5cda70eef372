import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { Client } from '@portolan/sdk';
import { container, port } from '../docker/scripted-engine.testkit.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { ConsulAgent } from './consul-agent.testkit.ts';
import { desiredServices, type DesiredService } from './desired.ts';
import { diffServices } from './diff.ts';
import { defaultDesiredOptions } from './options.ts';
import { RegistrarError, type Action } from './target.ts';
import { HttpTarget } from './target-http.ts';

let agent: ConsulAgent;
let target: HttpTarget;
const { signal } = new AbortController();

before(async () => {
  agent = await ConsulAgent.open();
});
after(() => agent.close());
beforeEach(() => {
  agent.services.clear();
  agent.checks.clear();
  agent.kvStatus = 0;
  target = new HttpTarget({
    client: new Client({ address: agent.address }),
    clock: systemClock,
    log: silentLogger,
  });
});

const events = { onLost: () => {}, onDoubt: () => {} };

function desire(parts: Parameters<typeof container>[1]): DesiredService {
  const options = { ...defaultDesiredOptions, nodeName: 'n', ip: '10.0.0.1' };
  const one = container('web', { ports: [port(80, 3000)], ...parts });
  return desiredServices(one, options, 'r', () => undefined).services[0]!;
}

/** What is still to do, so that a test can apply and ask again. */
async function left(desired: DesiredService): Promise<readonly Action[]> {
  const held = new Map((await target.services(signal)).map((owned) => [owned.service.id, owned]));
  const find = (id: string): DesiredService | undefined => (id === desired.id ? desired : undefined);
  return diffServices(
    [desired.id, ...held.keys()],
    find,
    (id) => held.get(id),
    'r',
    () => true,
  ).actions;
}

async function settle(desired: DesiredService): Promise<void> {
  assert.deepEqual(
    (await target.apply(await left(desired), signal)).filter((error) => error !== undefined),
    [],
  );
  assert.deepEqual(await left(desired), []);
}

test('a service with its checks arrives as Consul wants it, and is known again', async () => {
  const env = [
    'SERVICE_CHECK_HTTP=/up',
    'SERVICE_CHECK_INTERVAL=15s',
    'SERVICE_CHECK_TIMEOUT=500ms',
    'SERVICE_TAGS=a,b',
    'SERVICE_ZONE=x',
  ];
  await settle(desire({ env }));
  const { Service, Tags, Address, Port, Meta } = agent.services.get('n:web:80')!;
  assert.deepEqual([Service, Tags, Address, Port], ['web', ['a', 'b'], '10.0.0.1', 3000]);
  assert.equal((Meta as { readonly zone: string }).zone, 'x');
  const http = agent.checks.get('service:n:web:80')!;
  assert.deepEqual(
    [http['HTTP'], http['Interval'], http['Timeout']],
    ['http://10.0.0.1:3000/up', '15s', '500ms'],
  );
  const docker = agent.checks.get('service:n:web:80:docker')!;
  assert.deepEqual([docker['TTL'], docker['Status']], ['30m0s', 'passing']);
});

test('every change of status ends with the right one, though a check keeps its status when registered again', async () => {
  const status = (): unknown => agent.checks.get('service:n:web:80:docker')?.['Status'];
  await settle(desire({ health: 'unhealthy', healthOutput: 'no' }));
  assert.equal(status(), 'critical');
  await settle(desire({ ports: [port(80, 3001)], health: 'healthy' }));
  assert.equal(status(), 'passing');
  await settle(desire({ ports: [port(80, 3001)], state: 'paused' }));
  assert.equal(status(), 'critical');
});

test('a check that is gone from its service goes', async () => {
  await settle(desire({ env: ['SERVICE_CHECK_TCP=1'] }));
  await settle(desire({}));
  assert.deepEqual([...agent.checks.keys()], ['service:n:web:80:docker']);
});

test('removing what is not there is done, and one bad action holds up no other', async () => {
  const good = desire({});
  const bad: Action = {
    type: 'register',
    registration: { ...good.registration, service: { ...good.registration.service, id: 'bad', name: '' } },
  };
  const outcomes = await target.apply(
    [bad, { type: 'deregister', serviceId: 'nosuch' }, { type: 'register', registration: good.registration }],
    signal,
  );
  assert.ok(outcomes[0] instanceof RegistrarError);
  assert.match(outcomes[0].message, /Missing service name/);
  assert.deepEqual(outcomes.slice(1), [undefined, undefined]);
  assert.ok(agent.services.has('n:web:80'));
});

test('an agent that does not answer fails every action', async () => {
  const gone = new HttpTarget({
    client: new Client({ address: 'http://127.0.0.1:1' }),
    clock: systemClock,
    log: silentLogger,
  });
  const [error] = await gone.apply([{ type: 'deregister', serviceId: 'x' }], signal);
  assert.ok(error instanceof RegistrarError && error.code === 'target');
});

test('a second live registrar is refused, and one that ended is not in the way', async () => {
  const first = await target.claim('r', events, signal);
  await assert.rejects(
    target.claim('r', events, signal),
    /another registrar with the id "r" is running \(pid \d+ on /,
  );
  await target.claim('other', events, signal).then((claim) => claim.release());
  await first.release();
  await target.claim('r', events, signal).then((claim) => claim.release());
});

test('without access to the KV store the registrar runs unguarded', async () => {
  agent.kvStatus = 403;
  const claims = await Promise.all([target.claim('r', events, signal), target.claim('r', events, signal)]);
  for (const claim of claims) await claim.release();
});
