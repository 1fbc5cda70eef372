import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aliasResult, type AliasedCheck, type AliasTarget } from './alias.ts';

const row = (id: string, status: string, serviceId = 'web', output = ''): AliasedCheck => ({
  id,
  name: `check ${id}`,
  status,
  output,
  serviceId,
});

const cases: readonly {
  name: string;
  checks: AliasedCheck[];
  target?: Partial<AliasTarget>;
  want: readonly [string, string];
}[] = [
  { name: 'no checks at all is passing', checks: [], want: ['passing', 'No checks found.'] },
  {
    name: 'all passing',
    checks: [row('a', 'passing'), row('b', 'passing')],
    want: ['passing', 'All checks passing.'],
  },
  {
    name: 'critical wins over an earlier warning',
    checks: [row('a', 'warning'), row('b', 'critical', 'web', 'boom')],
    want: ['critical', 'Aliased check "check b" failing: boom'],
  },
  {
    name: 'a passing check after a warning does not hide it',
    checks: [row('a', 'warning', 'web', 'hm'), row('b', 'passing')],
    want: ['warning', 'Aliased check "check a" failing: hm'],
  },
  {
    name: 'checks of the node count',
    checks: [row('a', 'passing'), row('n', 'critical', '')],
    want: ['critical', 'Aliased check "check n" failing: '],
  },
  {
    name: 'checks of other services do not',
    checks: [row('a', 'critical', 'db')],
    want: ['passing', 'No checks found.'],
  },
  {
    name: 'a check never mirrors itself',
    checks: [row('self', 'critical')],
    want: ['passing', 'No checks found.'],
  },
  {
    name: 'a service that is not there is critical',
    checks: [row('n', 'passing', '')],
    target: { serviceExists: false },
    want: ['critical', 'Service web could not be found on node n1'],
  },
  {
    name: 'an alias of a node needs no service',
    checks: [row('n', 'passing', '')],
    target: { serviceId: '', serviceExists: false },
    want: ['passing', 'All checks passing.'],
  },
];

for (const { name, checks, target, want } of cases) {
  test(`alias: ${name}`, () => {
    const given = { node: 'n1', serviceId: 'web', serviceExists: true, selfId: 'self', ...target };
    const { status, output } = aliasResult(checks, given);
    assert.deepEqual([status, output], want);
  });
}
