import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aggregateStatus, selectInstances } from './answers.ts';
import { instance } from './source.testkit.ts';
import type { Query } from './source.ts';

const statuses: readonly {
  readonly checks: readonly (readonly [string, string])[];
  readonly want: string;
}[] = [
  { checks: [], want: 'passing' },
  { checks: [['a', 'passing']], want: 'passing' },
  {
    checks: [
      ['a', 'warning'],
      ['b', 'passing'],
    ],
    want: 'warning',
  },
  {
    checks: [
      ['a', 'critical'],
      ['b', 'warning'],
    ],
    want: 'critical',
  },
  {
    checks: [
      ['a', 'warning'],
      ['b', 'critical'],
      ['c', 'passing'],
    ],
    want: 'critical',
  },
  {
    checks: [
      ['_node_maintenance', 'critical'],
      ['b', 'critical'],
    ],
    want: 'maintenance',
  },
  {
    checks: [
      ['b', 'critical'],
      ['_service_maintenance:web', 'critical'],
    ],
    want: 'maintenance',
  },
  {
    checks: [
      ['a', 'passing'],
      ['b', 'unknown'],
    ],
    want: '',
  },
  {
    checks: [
      ['_node_maintenance', 'critical'],
      ['b', ''],
    ],
    want: '',
  },
];

for (const { checks, want } of statuses) {
  const given = checks.map((check) => check.join('=')).join(' ');
  test(`checks [${given}] together are "${want}"`, () =>
    assert.equal(aggregateStatus(checks.map(([checkId, status]) => ({ checkId, status }))), want));
}

const query = (parts: Partial<Extract<Query, { type: 'service' }>>): Extract<Query, { type: 'service' }> => ({
  type: 'service',
  name: 'web',
  tag: '',
  dc: '',
  near: '',
  filters: ['passing'],
  ...parts,
});

const world = [
  instance({ node: 'n2', id: 'a', tags: ['V1'] }),
  instance({ node: 'n1', id: 'b', status: 'critical' }),
  instance({ node: 'n1', id: 'a', status: '' }),
  instance({ node: 'n10', id: 'a', status: 'warning', tags: ['v2'] }),
];
const chosen = (parts: Parameters<typeof query>[0]): readonly string[] =>
  selectInstances(query(parts), world).map(({ node, id }) => `${node}/${id}`);

test('instances are filtered by status and tag, and sorted by the bytes of node and id', () => {
  assert.deepEqual(chosen({}), ['n2/a']);
  assert.deepEqual(chosen({ filters: ['any'] }), ['n1/a', 'n1/b', 'n10/a', 'n2/a']);
  assert.deepEqual(chosen({ filters: ['critical', 'warning'] }), ['n1/b', 'n10/a']);
  assert.deepEqual(chosen({ filters: ['any'], tag: 'v1' }), ['n2/a']);
  assert.deepEqual(chosen({ filters: ['any'], near: 'n2' }), ['n2/a', 'n1/b', 'n1/a', 'n10/a']);
});
