import assert from 'node:assert/strict';
import { test } from 'node:test';
import { childEnvironment, inheritEverything } from './child-environment.ts';

const parent = { HOME: '/root', AWS_KEY: 'k', AWS_REGION: 'eu', PATH: '/bin' };
const extra = { CONSUL_HTTP_ADDR: 'http://c' };

const cases = [
  { name: 'all is inherited', rules: {}, want: { ...parent, ...extra } },
  { name: 'nothing but what is ours', rules: { pristine: true }, want: extra },
  {
    name: 'an allowlist',
    rules: { allowlist: ['AWS_*'] },
    want: { AWS_KEY: 'k', AWS_REGION: 'eu', ...extra },
  },
  {
    name: 'a denylist beats the allowlist',
    rules: { allowlist: ['AWS_*', 'HOM?'], denylist: ['*KEY'] },
    want: { HOME: '/root', AWS_REGION: 'eu', ...extra },
  },
  {
    name: 'own values win, also over an empty environment',
    rules: { pristine: true, custom: ['A=b=c', 'CONSUL_HTTP_ADDR=x'] },
    want: { A: 'b=c', CONSUL_HTTP_ADDR: 'x' },
  },
  { name: 'a dot is a dot', rules: { allowlist: ['A.*'] }, want: extra },
];

test('a child’s environment is filtered, then completed', () => {
  for (const { name, rules, want } of cases) {
    assert.deepEqual(childEnvironment(parent, extra, { ...inheritEverything, ...rules }), want, name);
  }
});
