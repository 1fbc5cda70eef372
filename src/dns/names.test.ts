import assert from 'node:assert/strict';
import { test } from 'node:test';
import { labelsInside, labelsOf, parseLookup, reversedAddress } from './names.ts';
import type { Lookup } from './names.ts';
import { recordTypes } from './wire.ts';

const service = (name: string, tag = '', datacenter = ''): Lookup => ({
  kind: 'service',
  service: name,
  tag,
  datacenter,
});
const node = (name: string, datacenter = ''): Lookup => ({ kind: 'node', node: name, datacenter });
const query = (name: string, datacenter = ''): Lookup => ({ kind: 'query', query: name, datacenter });
const none: Lookup = { kind: 'none' };

const cases: readonly { readonly name: string; readonly type?: 'A' | 'SRV'; readonly want: Lookup }[] = [
  { name: 'web.service.consul.', want: service('web') },
  { name: 'WEB.Service.Consul.', want: service('web') },
  { name: 'web.service.dc1.consul.', want: service('web', '', 'dc1') },
  { name: 'web.service.dc1.dc.consul.', want: service('web', '', 'dc1') },
  { name: 'web.service.dc1.more.consul.', want: none },
  { name: 'v1.web.service.consul.', want: service('web', 'v1') },
  { name: 'a.b.web.service.consul.', want: service('web', 'a.b') },
  { name: '_web._tcp.service.consul.', want: service('web') },
  { name: '_web._udp.service.consul.', want: service('web', 'udp') },
  { name: '_web._v1.service.dc2.consul.', want: service('web', 'v1', 'dc2') },
  { name: '_web._tcp.consul.', type: 'SRV', want: service('web') },
  { name: '_web._v1.dc1.consul.', type: 'SRV', want: service('web', 'v1', 'dc1') },
  { name: '_web._tcp.consul.', type: 'A', want: none },
  { name: '_a._b.web.service.consul.', want: service('web', '_a._b') },
  { name: 'under_score.service.consul.', want: service('under_score') },
  { name: 'service.service.consul.', want: service('service') },
  { name: 'service.consul.', want: none },
  { name: 'n1.node.consul.', want: node('n1') },
  { name: 'dotted.name.node.dc1.consul.', want: node('dotted.name', 'dc1') },
  { name: 'n1.node.dc1.dc.consul.', want: node('n1', 'dc1') },
  { name: 'node.consul.', want: none },
  { name: 'q.query.consul.', want: query('q') },
  { name: 'a.b.query.dc1.consul.', want: query('a.b', 'dc1') },
  { name: '_q._tcp.query.consul.', want: query('q') },
  { name: '0A000001.addr.consul.', want: { kind: 'address', hex: '0a000001' } },
  { name: '0a000001.addr.anywhere.consul.', want: { kind: 'address', hex: '0a000001' } },
  { name: 'x.0a000001.addr.consul.', want: none },
  { name: 'addr.consul.', want: none },
  { name: 'web.connect.consul.', want: none },
  { name: 'web.virtual.consul.', want: none },
  { name: 'web.consul.', want: none },
  { name: 'web.service.consul.consul.', want: service('web', '', 'consul') },
  { name: 'a\\032b.service.consul.', want: service('a\\032b') },
  { name: 'consul.', want: none },
];

test('names of the zone say what is looked up', () => {
  for (const { name, type = 'A', want } of cases) {
    const labels = labelsInside(labelsOf(name), ['consul']);
    assert.ok(labels, name);
    assert.deepEqual(parseLookup(labels, recordTypes[type]), want, `${name} ${type}`);
  }
});

test('a name is in the domain only when whole labels agree', () => {
  const domain = ['my', 'consul'];
  assert.deepEqual(labelsInside(labelsOf('a.My.Consul.'), domain), ['a']);
  assert.deepEqual(labelsInside(labelsOf('my.consul.'), domain), []);
  for (const name of ['.', 'consul.', 'xmy.consul.', 'my\\.consul.', 'a\\.my.consul.', 'my.consul.org.']) {
    assert.equal(labelsInside(labelsOf(name), domain), undefined, name);
  }
});

test('reverse names spell addresses', () => {
  const v6 = '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.3.1.0.8.B.D.0.1.0.0.2.IP6.ARPA.';
  assert.equal(reversedAddress(labelsOf('1.131.51.198.in-addr.arpa.')), '198.51.131.1');
  assert.equal(reversedAddress(labelsOf(v6)), '2001:0db8:0131:0000:0000:0000:0000:0001');
  for (const name of [
    'arpa.',
    'x.in-addr.arpa.',
    '1.2.3.in-addr.arpa.',
    '256.1.1.1.in-addr.arpa.',
    '01.1.1.1.in-addr.arpa.',
    '1.ip6.arpa.',
    `g${v6.slice(1)}`,
  ]) {
    assert.equal(reversedAddress(labelsOf(name)), undefined, name);
  }
});
