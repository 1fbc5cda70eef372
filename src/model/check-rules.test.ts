import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  buildCheckDefinition,
  checkProblem,
  emptyCheckFields,
  serviceChecks,
  type CheckFields,
} from './check-rules.ts';
import type { CheckDefinition } from './registration.ts';

const needsInterval = 'Interval must be > 0 for Script, HTTP, H2PING, TCP, UDP or OSService checks';

const problems: readonly { name: string; fields: Partial<CheckFields>; want: string | undefined }[] = [
  { name: 'a TTL is enough', fields: { ttlMs: 1 }, want: undefined },
  { name: 'nothing to do', fields: { name: 'x' }, want: 'TTL must be > 0 for TTL checks' },
  { name: 'a negative TTL', fields: { ttlMs: -1000 }, want: 'TTL must be > 0 for TTL checks' },
  {
    name: 'interval and TTL',
    fields: { ttlMs: 1, intervalMs: 1 },
    want: 'Interval and TTL cannot both be specified',
  },
  { name: 'HTTP without interval', fields: { http: 'http://x/' }, want: needsInterval },
  { name: 'TCP with a negative interval', fields: { tcp: 'x:1', intervalMs: -1 }, want: needsInterval },
  { name: 'a script without interval', fields: { args: ['true'] }, want: needsInterval },
  {
    name: 'an alias with something to run',
    fields: { aliasService: 'x', http: 'http://x/', intervalMs: 1 },
    want: 'Interval cannot be set for Alias checks',
  },
  {
    name: 'an alias with a TTL',
    fields: { aliasService: 'x', ttlMs: 1 },
    want: 'TTL must be not be set for Alias checks',
  },
  { name: 'an alias of a node', fields: { aliasNode: 'n' }, want: undefined },
  {
    name: 'a negative output size',
    fields: { ttlMs: 1, outputMaxBytes: -1 },
    want: 'MaxOutputMaxSize must be positive',
  },
  {
    name: 'a warning after critical',
    fields: { ttlMs: 1, failuresBeforeWarning: 2, failuresBeforeCritical: 1 },
    want: "FailuresBeforeWarning can't be higher than FailuresBeforeCritical",
  },
];

for (const { name, fields, want } of problems) {
  test(`check rules: ${name}`, () => assert.equal(checkProblem({ ...emptyCheckFields, ...fields }), want));
}

const kinds: readonly { name: string; fields: Partial<CheckFields>; want: string }[] = [
  { name: 'http before ttl', fields: { http: 'http://x/', ttlMs: 1 }, want: 'http' },
  { name: 'ttl before tcp', fields: { tcp: 'x:1', ttlMs: 1 }, want: 'ttl' },
  { name: 'tcp', fields: { tcp: 'x:1' }, want: 'tcp' },
  { name: 'alias', fields: { aliasNode: 'n' }, want: 'alias' },
  { name: 'a script is not run', fields: { args: ['x'] }, want: 'unsupported script' },
  { name: 'nor docker exec', fields: { args: ['x'], dockerContainerId: 'c' }, want: 'unsupported docker' },
  { name: 'nor h2ping', fields: { h2ping: 'x:1' }, want: 'unsupported h2ping' },
];

for (const { name, fields, want } of kinds) {
  test(`check kind: ${name}`, () => {
    const built = buildCheckDefinition({ ...emptyCheckFields, ...fields });
    assert.equal('unsupported' in built ? `unsupported ${built.unsupported}` : built.kind.type, want);
  });
}

test('the checks of a service derive ids, names and service id, and keep their own', () => {
  const ttl = definition({ ttlMs: 1 });
  const own = definition({ ttlMs: 1, id: 'own', name: 'mine' });
  const service = { id: 'web1', name: 'web' };
  assert.deepEqual(
    serviceChecks(service, [ttl]).map(({ id, name, serviceId }) => [id, name, serviceId]),
    [['service:web1', "Service 'web' check", 'web1']],
  );
  assert.deepEqual(
    serviceChecks(service, [ttl, own, ttl]).map(({ id, name }) => [id, name]),
    [
      ['service:web1:1', "Service 'web' check"],
      ['own', 'mine'],
      ['service:web1:3', "Service 'web' check"],
    ],
  );
});

function definition(fields: Partial<CheckFields>): CheckDefinition {
  const built = buildCheckDefinition({ ...emptyCheckFields, ...fields });
  assert.ok(!('unsupported' in built));
  return built;
}
