import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { aCheck, aNode, aService, type CatalogKit, startCatalog } from '../catalog/catalog.testkit.ts';
import { TombstoneCollector } from '../catalog/collector.ts';
import { Kv } from '../kv/kv.ts';
import { KvTable } from '../kv/kv-table.ts';
import { ManualClock } from '../lib/clock.testkit.ts';
import { MemoryStore } from '../store/memory/memory-store.ts';
import type { Batch, Store } from '../store/store.ts';
import type { View } from '../watch/view.ts';
import { askView, header } from './views.testkit.ts';
import { Views } from './views.ts';

/**
 * A client that hops between agents and passes the index that it holds: whatever is written, deleted and collected, however far
 * an agent lags and whenever it starts anew, the index never falls, and what has changed is told without waiting.
 */

interface Agent extends CatalogKit {
  readonly kv: Kv;
  readonly kvTable: KvTable;
  readonly views: Views;
}

/** A store whose batches reach this agent only while its tap is open. */
class Tap {
  readonly #inner: Store;
  #opened: Promise<void> = Promise.resolve();
  #open: () => void = () => undefined;

  constructor(inner: Store) {
    this.#inner = inner;
  }

  close(): void {
    this.open();
    this.#opened = new Promise((resolve) => {
      this.#open = resolve;
    });
  }

  open(): void {
    this.#open();
    this.#opened = Promise.resolve();
  }

  store(): Store {
    const inner = this.#inner;
    const opened = (): Promise<void> => this.#opened;
    return {
      limits: inner.limits,
      read: (...args) => inner.read(...args),
      commit: (what) => inner.commit(what),
      follow: (from, signal): AsyncIterable<Batch> => {
        const batches = inner.follow(from, signal);
        return {
          async *[Symbol.asyncIterator]() {
            for await (const batch of batches) {
              await opened();
              yield batch;
            }
          },
        };
      },
      lease: (ttl) => inner.lease(ttl),
      leaseById: (id) => inner.leaseById(id),
      barrier: () => inner.barrier(),
      lastAnswerAgoMs: () => inner.lastAnswerAgoMs(),
      peers: () => inner.peers(),
      leader: () => inner.leader(),
      close: () => inner.close(),
    };
  }
}

async function startAgent(store: Store, clock: ManualClock): Promise<Agent> {
  const kvTable = new KvTable();
  const kit = await startCatalog({ store, clock, tables: [kvTable] });
  const { replica, watches } = kit;
  const limits = { defaultWaitMs: 60_000, maxWaitMs: 60_000, discoveryMaxStaleMs: 0, useCache: true };
  const views = new Views(
    { limits, datacenter: 'dc1', leaderReads: false, baseHeaders: [], cacheBytes: 1e6, random: () => 0 },
    { watches, store, replica, clock },
  );
  return { ...kit, kvTable, views, kv: new Kv({}, { store, replica, table: kvTable, clock }) };
}

const questions: Readonly<Record<string, (agent: Agent) => View<unknown>>> = {
  nodes: ({ catalog }) => catalog.nodes(),
  services: ({ catalog }) => catalog.services(),
  'service/web': ({ catalog }) => catalog.service('web'),
  'service/none': ({ catalog }) => catalog.service('none'),
  'node/n1': ({ catalog }) => catalog.node('n1'),
  'health/web': ({ catalog }) => catalog.health('web'),
  'checks/n1': ({ catalog }) => catalog.checksOfNode('n1'),
  'state/critical': ({ catalog }) => catalog.checksInState('critical'),
  'kv/a/1': ({ kv }) => kv.get('a/1'),
  'kv/a/': ({ kv }) => kv.list('a/'),
  'kv/': ({ kv }) => kv.keys('', '/'),
};
const names = Object.keys(questions);

/** What a view shows, as text: rows know their hosts and these their rows, so only what tells rows apart is kept. */
function shown(value: unknown): string {
  if (value instanceof Map) return shown([...(value as Map<unknown, unknown>)]);
  if (Array.isArray(value)) return `[${value.map(shown).join(' ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const part = value as Record<string, unknown>;
  if ('modifyIndex' in part)
    return `${String(part['id'] ?? part['key'] ?? part['name'])}@${String(part['modifyIndex'])}`;
  return `{${Object.values(part).map(shown).join(' ')}}`;
}

type Step = (world: World) => Promise<unknown>;

class World {
  readonly clock = new ManualClock();
  readonly store = new MemoryStore({}, { clock: this.clock });
  readonly agents: Agent[] = [];
  readonly taps: Tap[] = [];
  /** What the client holds. */
  readonly held = new Map<string, { index: number; body: string }>();

  async start(): Promise<void> {
    await this.store.commit({ then: [{ put: 'first', value: new Uint8Array() }] });
    for (let i = 0; i < 2; i++) await this.restart(i);
  }

  async restart(i: number): Promise<void> {
    this.taps[i]?.open();
    await this.agents[i]?.stop();
    this.taps[i] = new Tap(this.store);
    this.agents[i] = await startAgent(this.taps[i].store(), this.clock);
  }

  /** Asks agent `i` with the index that is held; what that says must be newer or the same. */
  async ask(i: number, name: string): Promise<void> {
    const agent = this.agents[i]!;
    const held = this.held.get(name);
    const truth = shown(questions[name]!(await this.#newest()).read());
    const asked = askView(
      agent.views,
      questions[name]!(agent),
      name,
      held === undefined ? '' : `index=${held.index}&wait=30s`,
      shown,
    );
    let waited = true;
    void asked.then(() => (waited = false));
    // A lagging agent is let go on: until then it could only wait.
    await this.clock.advance(0);
    this.taps[i]!.open();
    await this.clock.advance(0);
    if (held !== undefined && held.body !== truth)
      assert.ok(!waited, `${name}: a change is not told until the wait ends`);
    await this.clock.advance(31_000);
    const answer = await asked;
    const index = Number(header(answer, 'X-Consul-Index'));
    if (held !== undefined) assert.ok(index >= held.index, `${name} fell from ${held.index} to ${index}`);
    this.held.set(name, { index, body: String(answer.body) });
  }

  async #newest(): Promise<Agent> {
    const agent = await startAgent(this.store, this.clock);
    await agent.stop();
    return agent;
  }

  async stop(): Promise<void> {
    for (const tap of this.taps) tap.open();
    for (const agent of this.agents) await agent.stop();
  }
}

const which = fc.nat(1);
const write = (run: (agent: Agent) => Promise<unknown>): fc.Arbitrary<Step> =>
  which.map((i) => async (world) => {
    world.taps[i]!.open();
    await run(world.agents[i]!);
  });

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    arbitrary: fc.tuple(which, fc.constantFrom(...names)).map(
      ([i, name]): Step =>
        (world) =>
          world.ask(i, name),
    ),
    weight: 12,
  },
  ...[
    write(({ writer }) => register(writer, 'n1', 'web', 'passing')),
    write(({ writer }) => register(writer, 'n1', 'web', 'critical')),
    write(({ writer }) => register(writer, 'n2', 'web', 'passing')),
    write(({ writer }) => writer.deregister({ node: 'n1' })),
    write(({ writer }) => writer.deregister({ node: 'n1', serviceId: 'web' })),
    write(({ kv }) => kv.put('a/1', Buffer.from('x'), 0n)),
    write(({ kv }) => kv.put('a/2', Buffer.from('x'), 0n)),
    write(({ kv }) => kv.delete('a/1')),
    write(({ kv }) => kv.deleteTree('a/')),
    which.map(
      (i): Step =>
        (world) =>
          world.restart(i),
    ),
    which.map(
      (i): Step =>
        async (world) =>
          world.taps[i]!.close(),
    ),
    which.map(
      (i): Step =>
        (world) =>
          collect(world, i),
    ),
  ].map((arbitrary) => ({ arbitrary, weight: 2 })),
);

function register(
  writer: Agent['writer'],
  node: string,
  service: string,
  status: 'passing' | 'critical',
): Promise<number> {
  const checks = [aCheck('c', service, { status })];
  return writer.register({
    node: aNode(node),
    skipNodeUpdate: false,
    service: aService(service, service),
    checks,
  });
}

async function collect(world: World, i: number): Promise<void> {
  world.taps[i]!.open();
  const { replica, table, kvTable } = world.agents[i]!;
  const { clock, store } = world;
  await clock.advance(1);
  const graveyards = () => [...table.graveyards(), ...kvTable.graveyards()];
  await new TombstoneCollector({ maxAgeMs: 0 }, { store, replica, graveyards, clock }).collect();
}

test('no index falls for a client that hops, and no change is missed', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 8, maxLength: 30 }), async (steps) => {
      const world = new World();
      await world.start();
      try {
        for (const run of steps) await run(world);
        for (const name of names) for (const i of [0, 1]) await world.ask(i, name);
      } finally {
        await world.stop();
      }
    }),
    { numRuns: 40 },
  );
});
