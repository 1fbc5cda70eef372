import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TemplateStatus } from '../render/options.ts';
import { templateGauges, templateRows } from './template-status.ts';

const waiting: TemplateStatus = {
  source: 'a.ctmpl',
  destination: '/etc/a',
  state: 'waiting',
  waitingFor: [{ id: 'kv.block(x)', forMs: 1234.5, error: undefined }],
  dependencies: ['kv.block(x)'],
  evaluations: 2,
  renders: 0,
  lastRenderAt: undefined,
  error: undefined,
  lastCommand: undefined,
  commandOwed: false,
};

const failed: TemplateStatus = {
  ...waiting,
  destination: '/etc/b',
  state: 'failed',
  waitingFor: [],
  renders: 3,
  lastRenderAt: Date.UTC(2026, 0, 2, 3, 4, 5),
  error: 'it failed',
  lastCommand: {
    kind: 'command',
    at: Date.UTC(2026, 0, 2, 3, 4, 5),
    ok: false,
    exit: null,
    signal: 'SIGKILL',
    timedOut: true,
    error: undefined,
    output: `${'x'.repeat(5000)}end`,
    durationMs: 1500,
  },
  commandOwed: true,
};

test('a template that waits says for what and how long', () => {
  assert.deepEqual(templateRows([waiting]), [
    {
      Source: 'a.ctmpl',
      Destination: '/etc/a',
      State: 'waiting',
      Error: '',
      HeldBecause: '',
      WaitingFor: [{ ID: 'kv.block(x)', Seconds: 1.235, Error: '' }],
      Dependencies: ['kv.block(x)'],
      Evaluations: 2,
      Renders: 0,
      LastRender: '',
      StaleSince: '',
      LastCommand: null,
      CommandOwed: false,
    },
  ]);
});

test('a held template says why', () => {
  const [row] = templateRows([{ ...waiting, state: 'held', heldBecause: 'too few' }]);
  assert.deepEqual([row!.State, row!.HeldBecause], ['held', 'too few']);
  assert.ok(
    templateGauges([{ ...waiting, state: 'held' }]).some(
      ({ name, value }) => name === 'render.template.held' && value === 1,
    ),
  );
});

test('a command that was killed is told with its time, its signal and the end of what it printed', () => {
  const [row] = templateRows([failed]);
  const { Output, ...command } = row!.LastCommand!;
  assert.deepEqual(command, {
    Kind: 'command',
    At: '2026-01-02T03:04:05.000Z',
    Seconds: 1.5,
    OK: false,
    Exit: null,
    Signal: 'SIGKILL',
    TimedOut: true,
  });
  assert.deepEqual([Output.length, Output.endsWith('xend')], [2048, true]);
  assert.deepEqual(
    [row!.Error, row!.LastRender, row!.CommandOwed],
    ['it failed', '2026-01-02T03:04:05.000Z', true],
  );
});

test('every template has its gauges, but those of what has not happened yet', () => {
  const gauges = templateGauges([waiting, failed]);
  const of = (destination: string): object =>
    Object.fromEntries(
      gauges
        .filter(({ labels }) => labels['destination'] === destination)
        .map(({ name, value }) => [name.replace('render.template.', ''), value]),
    );
  assert.deepEqual(of('/etc/a'), {
    evaluations_total: 2,
    renders_total: 0,
    failed: 0,
    held: 0,
    waiting_dependencies: 1,
    command_owed: 0,
  });
  assert.deepEqual(of('/etc/b'), {
    evaluations_total: 2,
    renders_total: 3,
    last_render_seconds: Date.UTC(2026, 0, 2, 3, 4, 5) / 1000,
    failed: 1,
    held: 0,
    waiting_dependencies: 0,
    command_owed: 1,
    last_command_exit: -1,
    last_command_seconds: 1.5,
  });
});
