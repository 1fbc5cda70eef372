import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Service } from './service.ts';
import { addressFamily, defaultTaggedAddresses, dnsNameProblem, serviceProblem } from './service-rules.ts';

const service = (part: Partial<Service>): Service => ({
  id: 'web',
  name: 'web',
  tags: [],
  address: '',
  port: 0,
  taggedAddresses: null,
  meta: null,
  weights: { passing: 1, warning: 1 },
  enableTagOverride: false,
  socketPath: '',
  ...part,
});

const manyPairs = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`k${i}`, 'v']));
const pair = (key: string, value: string): string => `Couldn't load metadata pair ('${key}', '${value}'): `;

const problems: readonly { name: string; part: Partial<Service>; want: string | undefined }[] = [
  { name: 'a plain service is fine', part: {}, want: undefined },
  { name: 'any name is fine', part: { name: 'ü with spaces/' }, want: undefined },
  { name: 'a name is needed', part: { name: '' }, want: 'Missing service name' },
  { name: '0.0.0.0 reaches nobody', part: { address: '0.0.0.0' }, want: 'Invalid service address' },
  { name: '[::] reaches nobody', part: { address: '[::]' }, want: 'Invalid service address' },
  {
    name: 'passing weight is at least 1',
    part: { weights: { passing: 0, warning: 0 } },
    want: 'Invalid Weights: Passing must be greater than 0',
  },
  {
    name: 'warning weight is at least 0',
    part: { weights: { passing: 1, warning: -1 } },
    want: 'Invalid Weights: Warning must be greater or equal than 0',
  },
  {
    name: 'weights fit 16 bits',
    part: { weights: { passing: 1, warning: 65536 } },
    want: 'Invalid Weights: DNS Weight must be between 0 and 65535',
  },
  {
    name: 'meta keys are not blank',
    part: { meta: { '': 'x' } },
    want: `Invalid Service Meta: ${pair('', 'x')}Key cannot be blank`,
  },
  {
    name: 'meta keys are ASCII words',
    part: { meta: { 'bad key': 'x' } },
    want: `Invalid Service Meta: ${pair('bad key', 'x')}Key contains invalid characters`,
  },
  {
    name: 'meta keys have at most 128 bytes',
    part: { meta: { ['k'.repeat(129)]: '' } },
    want: `Invalid Service Meta: ${pair('k'.repeat(129), '')}Key is too long (limit: 128 characters)`,
  },
  {
    name: 'consul- is reserved',
    part: { meta: { 'consul-x': 'x' } },
    want: `Invalid Service Meta: ${pair('consul-x', 'x')}Key prefix 'consul-' is reserved for internal use`,
  },
  {
    name: 'meta values count bytes, not characters',
    part: { meta: { k: 'ü'.repeat(257) } },
    want: `Invalid Service Meta: ${pair('k', 'ü'.repeat(257))}Value is too long (limit: 512 characters)`,
  },
  { name: '512 bytes of value fit', part: { meta: { k: 'v'.repeat(512) } }, want: undefined },
  {
    name: 'at most 64 pairs',
    part: { meta: manyPairs },
    want: 'Invalid Service Meta: Node metadata cannot contain more than 64 key/value pairs',
  },
  {
    name: 'lan_ipv4 is an IPv4 address',
    part: { taggedAddresses: { lan_ipv4: { address: '::1', port: 1 } } },
    want: 'Service tagged address "lan_ipv4" must be a valid ipv4 address',
  },
  {
    name: 'wan_ipv6 is an IPv6 address',
    part: { taggedAddresses: { wan_ipv6: { address: 'db.example', port: 1 } } },
    want: 'Service tagged address "wan_ipv6" must be a valid ipv6 address',
  },
  {
    name: 'other tags are free',
    part: { taggedAddresses: { lan: { address: 'db.example', port: 1 } } },
    want: undefined,
  },
];

for (const { name, part, want } of problems) {
  test(`service rules: ${name}`, () => assert.equal(serviceProblem(service(part))?.text, want));
}

test('a wrong tagged address has a code of its own', () => {
  const tagged = { lan_ipv4: { address: 'x', port: 1 } };
  assert.equal(serviceProblem(service({ taggedAddresses: tagged }))?.code, 'tagged-address');
  assert.equal(serviceProblem(service({ name: '', taggedAddresses: tagged }))?.code, 'invalid');
});

test('an IP address fills the tagged addresses that are not given', () => {
  const own = { address: '10.0.0.1', port: 80 };
  assert.deepEqual(defaultTaggedAddresses(service({ address: '10.0.0.1', port: 80 })), {
    lan_ipv4: own,
    wan_ipv4: own,
  });
  const six = { address: 'fd00::1', port: 80 };
  assert.deepEqual(defaultTaggedAddresses(service({ address: 'fd00::1', port: 80 })), {
    lan_ipv6: six,
    wan_ipv6: six,
  });
  const given = { lan_ipv4: { address: '10.9.9.9', port: 9 }, wan: { address: 'x', port: 1 } };
  assert.deepEqual(
    defaultTaggedAddresses(service({ address: '10.0.0.1', port: 80, taggedAddresses: given })),
    { ...given, wan_ipv4: own },
  );
  assert.equal(defaultTaggedAddresses(service({ address: 'db.example', taggedAddresses: {} })), null);
});

test('an IPv4 address mapped into IPv6 counts as IPv4', () => {
  assert.equal(addressFamily('::ffff:10.0.0.1'), 'ipv4');
  assert.equal(addressFamily('fe80::1%eth0'), undefined);
});

test('names that DNS has no room for are named', () => {
  assert.equal(dnsNameProblem('web-1'), undefined);
  assert.match(dnsNameProblem('web_1') ?? '', /invalid characters/);
  assert.match(dnsNameProblem('a'.repeat(64)) ?? '', /too long/);
});
