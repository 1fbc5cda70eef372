import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import type { View } from '../watch/view.ts';
import { CheckRow, ServiceRow } from './rows.ts';
import { aCheck, agentOps, aNode, aService, type CatalogKit, startCatalog } from './catalog.testkit.ts';

/**
 * The laws of a view's index, over random writes by two agents: replicas that followed, that loaded in the middle or
 * that load now agree; no index falls; what a view shows changes only with its index; a
 * write of what is already there moves nothing.
 */

const nodeNames = ['n1', 'N2', 'n3'];
const serviceNames = ['web', 'Api', 'db'];
const serviceIds = ['s1', 's2', 's3'];
const checkIds = ['c1', 'c2', 'c3'];
const statuses = ['passing', 'critical', 'warning'];

type Write = (kit: CatalogKit) => Promise<unknown>;
type Op = { readonly text: string; readonly write: Write };

const nodeOf = fc.constantFrom(...nodeNames);
const registerNode = fc
  .tuple(nodeOf, fc.constantFrom('10.0.0.1', '10.0.0.2'), fc.constantFrom('', idOf(1), idOf(2)))
  .map(([name, address, id]): Op => {
    const node = aNode(name, { address, id });
    return {
      text: `node ${name} ${address} ${id}`,
      write: (kit) => kit.writer.register({ node, skipNodeUpdate: false, checks: [] }),
    };
  });
const registerService = fc
  .tuple(nodeOf, fc.constantFrom(...serviceIds), fc.constantFrom(...serviceNames), fc.nat(1), fc.boolean())
  .map(
    ([name, id, service, port, tagged]): Op => ({
      text: `service ${name} ${id} ${service} ${port}`,
      write: (kit) =>
        kit.writer.register({
          node: aNode(name),
          skipNodeUpdate: true,
          service: aService(id, service, { port, tags: tagged ? ['t'] : [] }),
          checks: [],
        }),
    }),
  );
const registerCheck = fc
  .tuple(
    nodeOf,
    fc.constantFrom(...checkIds),
    fc.constantFrom('', ...serviceIds),
    fc.constantFrom(...statuses),
  )
  .map(
    ([name, id, serviceId, status]): Op => ({
      text: `check ${name} ${id} ${serviceId} ${status}`,
      write: (kit) =>
        kit.writer.register({
          node: aNode(name),
          skipNodeUpdate: true,
          checks: [aCheck(id, serviceId, { status })],
        }),
    }),
  );
const deregister = fc.tuple(nodeOf, fc.constantFrom('', ...serviceIds), fc.constantFrom('', ...checkIds)).map(
  ([node, serviceId, checkId]): Op => ({
    text: `deregister ${node} ${serviceId} ${checkId}`,
    write: (kit) => kit.writer.deregister({ node, serviceId, checkId }),
  }),
);
const sync = fc
  .tuple(
    nodeOf,
    fc.subarray(serviceIds),
    fc.subarray(checkIds),
    fc.constantFrom(...statuses),
    fc.subarray(checkIds),
  )
  .map(
    ([name, services, checks, status, dropped]): Op => ({
      text: `sync ${name} ${services} ${checks} ${status} -${dropped}`,
      write: (kit) =>
        kit.writer.syncNode(
          {
            node: aNode(name, { address: '10.0.0.3' }),
            putServices: services.map((id, i) => aService(id, serviceNames[i]!)),
            deleteServices: serviceIds.filter((id) => !services.includes(id)),
            putChecks: checks.filter((id) => !dropped.includes(id)).map((id) => aCheck(id, '', { status })),
            deleteChecks: dropped,
          },
          { rederivable: true },
        ),
    }),
  );
const pass = fc.constantFrom(1, 20 * 60_000).map(
  (ms): Op => ({
    text: `${ms} ms pass`,
    write: async (kit) => {
      await kit.clock.advance(ms);
      await kit.collector.collect();
    },
  }),
);
const agent = fc
  .tuple(
    nodeOf,
    fc.constantFrom('start' as const, 'die' as const, 'bury' as const, 'leave' as const),
    fc.nat(1),
  )
  .map(
    ([name, what, n]): Op => ({
      text: `agent ${name} ${what} ${n}`,
      write: (kit) => agentOps[what](kit.store, { name, id: idOf(n + 1), address: '10.0.0.4' }),
    }),
  );
const stored = fc.tuple(nodeOf, fc.constantFrom(...statuses)).map(
  ([name, status]): Op => ({
    text: `serfHealth ${name} ${status}`,
    write: (kit) =>
      kit.writer.register({
        node: aNode(name),
        skipNodeUpdate: true,
        checks: [aCheck('serfHealth', '', { status })],
      }),
  }),
);
const anyOp = fc.oneof(
  { arbitrary: registerService, weight: 6 },
  { arbitrary: registerCheck, weight: 6 },
  { arbitrary: deregister, weight: 5 },
  { arbitrary: registerNode, weight: 3 },
  { arbitrary: sync, weight: 3 },
  { arbitrary: agent, weight: 6 },
  { arbitrary: stored, weight: 1 },
  { arbitrary: pass, weight: 1 },
);

function idOf(n: number): string {
  return `00000000-0000-0000-0000-00000000000${n}`;
}

function views(kit: CatalogKit): Map<string, View<unknown>> {
  const { catalog } = kit;
  const all = new Map<string, View<unknown>>([
    ['nodes', catalog.nodes()],
    ['services', catalog.services()],
  ]);
  for (const name of [...serviceNames, 'never']) {
    all.set(`service ${name}`, catalog.service(name));
    all.set(`health ${name}`, catalog.health(name));
    all.set(`checks of service ${name}`, catalog.checksOfService(name));
  }
  for (const name of nodeNames) {
    all.set(`node ${name}`, catalog.node(name));
    all.set(`checks of node ${name}`, catalog.checksOfNode(name));
  }
  for (const state of [...statuses, 'any']) all.set(`state ${state}`, catalog.checksInState(state));
  return all;
}

interface Shown {
  readonly index: number;
  readonly body: string;
}

function show(kit: CatalogKit): Map<string, Shown> {
  const shown = new Map<string, Shown>();
  for (const [name, view] of views(kit)) shown.set(name, { index: view.index(), body: render(view.read()) });
  return shown;
}

function render(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => {
    if (part instanceof Map) return [...part];
    if (part instanceof ServiceRow || part instanceof CheckRow) {
      return [
        part.shape,
        Object.entries(part).filter(([name]) => !['host', 'shape', 'checks'].includes(name)),
      ];
    }
    return part;
  });
}

async function expectLaws(
  ops: readonly Op[],
  loadAt: number,
  limits: { ops: number; bytes: number },
): Promise<void> {
  const first = await startCatalog({ limits });
  const second = await startCatalog({ store: first.store, clock: first.clock });
  const kits = [first, second];
  let before = show(first);
  for (const [i, op] of ops.entries()) {
    if (i === loadAt % ops.length) kits.push(await startCatalog({ store: first.store, clock: first.clock }));
    const revision = await first.store.barrier();
    await Promise.all(kits.map((kit) => kit.replica.waitFor(revision)));
    await op.write(kits[i % 2]!).catch((error: Error) => assert.match(error.message, /^failed inserting/));
    const now = await first.store.barrier();
    await Promise.all(kits.map((kit) => kit.replica.waitFor(now)));
    const after = show(first);
    for (const [name, shown] of after) expectMove(name, before.get(name)!, shown, op.text);
    before = after;
  }
  // Until somebody wrote that an agent is dead, a replica that loads can't know since when.
  for (const name of nodeNames) await agentOps.bury(first.store, { name, id: '', address: '' });
  await first.replica.waitFor(await first.store.barrier());
  before = show(first);
  kits.push(await startCatalog({ store: first.store, clock: first.clock }));
  for (const kit of kits.slice(1)) await kit.replica.waitFor(first.replica.revision);
  for (const kit of kits.slice(1)) assert.deepEqual(show(kit), before, 'replicas disagree');
  await Promise.all(kits.map((kit) => kit.stop()));
}

function expectMove(name: string, before: Shown, after: Shown, op: string): void {
  assert.ok(after.index >= before.index, `${name} fell from ${before.index} to ${after.index} at ${op}`);
  if (before.body !== after.body) {
    assert.notEqual(after.index, before.index, `${name} changed without its index at ${op}`);
  }
}

for (const [text, limits] of [
  ['whole commits', { ops: 1024, bytes: 1 << 20 }],
  ['commits of a few operations', { ops: 6, bytes: 1 << 20 }],
] as const) {
  test(`indexes obey their laws under random writes, ${text}`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyOp, { minLength: 1, maxLength: 40 }), fc.nat(), (ops, loadAt) =>
        expectLaws(ops, loadAt, limits),
      ),
      { numRuns: 120, includeErrorInReport: true },
    );
  });
}

test('a write of what is already there moves nothing', async () => {
  const kit = await startCatalog();
  await fc.assert(
    fc.asyncProperty(fc.oneof(registerService, registerCheck, registerNode, deregister, sync), async (op) => {
      const same = (): Promise<unknown> => op.write(kit).catch(() => undefined);
      await same();
      const revision = await kit.store.barrier();
      await same();
      assert.equal(await kit.store.barrier(), revision, op.text);
    }),
    { numRuns: 300, includeErrorInReport: true },
  );
  await kit.stop();
});
