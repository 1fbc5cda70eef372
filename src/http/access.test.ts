import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AccessRules } from './access.ts';
import { acceptsGzip } from './compress.ts';

test('blocked prefixes are refused for everyone', () => {
  const rules = new AccessRules({ blockEndpoints: ['/v1/kv', '/v1/agent/self'], allowWriteFrom: [] });
  assert.equal(rules.refuses('GET', '/v1/kv/a', '127.0.0.1'), 'Endpoint is blocked by agent configuration');
  assert.equal(rules.refuses('GET', '/v1/catalog/nodes', '127.0.0.1'), undefined);
});

test('writes come from the listed networks only, reads from anywhere', () => {
  const rules = new AccessRules({ blockEndpoints: [], allowWriteFrom: ['127.0.0.0/8', '2001:db8::/32'] });
  const rows: [string, string, string | undefined][] = [
    ['PUT', '127.0.0.1', undefined],
    ['PUT', '::ffff:127.0.0.1', undefined],
    ['DELETE', '2001:db8::1', undefined],
    ['PUT', '10.0.0.1', 'Access is restricted'],
    ['POST', '::1', 'Access is restricted'],
    ['PUT', '', 'Access is restricted'],
    ['GET', '10.0.0.1', undefined],
    ['OPTIONS', '10.0.0.1', undefined],
  ];
  for (const [method, from, want] of rows)
    assert.equal(rules.refuses(method, '/v1/kv/a', from), want, `${method} ${from}`);
  assert.throws(() => new AccessRules({ blockEndpoints: [], allowWriteFrom: ['localhost'] }), /not a CIDR/);
});

test('gzip is sent to those who take it', () => {
  const rows: [string, boolean][] = [
    ['gzip', true],
    ['deflate, gzip;q=1.0, *;q=0.5', true],
    ['GZIP;q=0.1, gzip', true],
    ['gzip;q=0', false],
    ['identity', false],
    ['', false],
    ['x-gzip', false],
  ];
  for (const [header, want] of rows) assert.equal(acceptsGzip(header), want, header);
});
