import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyStats } from '../registrar/stats.ts';
import { Gauges } from './gauges.ts';

const sources = {
  revision: () => 7,
  catalog: () => ({ nodes: 1, services: 2 }),
  registry: () => ({ services: 3, checks: 4 }),
  cluster: () => ({ alive: 3, failed: 1, isLead: true, holdsName: false }),
  storeAnswerAgoMs: () => 8,
};

test('an agent without registrar and templates tells of its catalog and registry only', () => {
  assert.deepEqual(new Gauges(sources).read(), {
    'store.revision': 7,
    'store.last_answer_ms': 8,
    'cluster.alive_agents': 3,
    'cluster.failed_agents': 1,
    'cluster.is_steward': 1,
    'cluster.holds_name': 0,
    'catalog.nodes': 1,
    'catalog.services': 2,
    'registry.services': 3,
    'registry.checks': 4,
  });
});

test('renders and commands are counted with the time of the last one', () => {
  const gauges = new Gauges(sources, () => 5000);
  gauges.addRegistrar(() => ({ ...emptyStats(), connected: true, events: 5 }));
  gauges.addTemplates(() => []);
  gauges.hooks.evaluated?.({ source: 's', durationMs: 1 });
  gauges.hooks.rendered?.({ source: 's', destination: 'd', bytes: 1, sinceChangeMs: 2.5 });
  const report = {
    kind: 'command',
    at: 0,
    ok: false,
    exit: 1,
    signal: null,
    timedOut: false,
    error: undefined,
    output: '',
  } as const;
  gauges.hooks.commandEnded?.({ ...report, durationMs: 9, command: 'c' });
  const read = gauges.read();
  assert.equal(read['registrar.connected'], 1);
  assert.equal(read['registrar.events_total'], 5);
  assert.equal(read['render.renders_total'], 1);
  assert.equal(read['render.last_change_to_swap_ms'], 2.5);
  assert.equal(read['render.failed_commands_total'], 1);
  assert.equal(read['render.last_command_ms'], 9);
  assert.equal(read['render.last_command_exit'], 1);
  assert.equal(read['render.evaluations_total'], 1);
  assert.equal(read['render.last_render_seconds'], 5);
});
