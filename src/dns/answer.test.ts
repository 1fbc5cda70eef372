import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ask, show, TestCatalog, testResolver } from './dns.testkit.ts';
import type { TestQuery } from './dns.testkit.ts';
import type { AnswerOptions } from './options.ts';
import type { recordTypes } from './wire.ts';

/** The fixture of the worked examples in Consul's documentation of behaviour, one datacenter of it. */
function fixture(): TestCatalog {
  const catalog = new TestCatalog()
    .addNode(
      'n1',
      '127.0.0.1',
      { rack: 'r1', 'rfc1035-txt': 'plain text' },
      '11111111-2222-3333-4444-555555555555',
    )
    .addNode('ext1', '10.2.0.1', { rack: 'r9' })
    .addNode('ext2', 'db.example.com')
    .addNode('v6node', '2001:db8::5')
    .addNode('dotted.name', '10.2.0.8')
    .addNode('alias', 'ext1.node.consul')
    .addNode('no address', '')
    .addNode('odd name', '10.2.0.9')
    .addInstance('n1', { name: 'consul', port: 8300 })
    .addInstance('n1', web('10.0.0.1', 8080, ['v1', 'Primary'], 'passing'))
    .addInstance('n1', web('10.0.0.2', 8081, ['v2'], 'warning'))
    .addInstance('n1', web('10.0.0.3', 8082, [], 'critical'))
    .addInstance('n1', { name: 'noaddr', port: 9000, tags: ['a.b'] })
    .addInstance('n1', { name: 'v6', port: 9001, address: '2001:db8::1' })
    .addInstance('n1', { name: 'ext', port: 443, address: 'www.example.com' })
    .addInstance('n1', { name: 'cname2', port: 443, address: 'web.service.consul' })
    .addInstance('n1', { name: 'self', port: 5, address: 'self.service.consul' })
    .addInstance('n1', { name: 'loop-a', port: 5, address: 'loop-b.service.consul' })
    .addInstance('n1', { name: 'loop-b', port: 5, address: 'loop-a.service.consul' })
    .addInstance('n1', { name: 'UpperCase', address: '10.1.1.1' })
    .addInstance('n1', { name: 'under_score', address: '10.1.1.2' })
    .addInstance('ext1', { name: 'extsvc', port: 5432, tags: ['db'] })
    .addInstance('ext2', { name: 'extsvc', port: 5433 })
    .addInstance('no address', { name: 'lost', port: 1 })
    .addInstance('odd name', { name: 'odd', port: 2 })
    .addInstance('ext1', { name: 'twice', port: 1, address: '10.4.0.1' })
    .addInstance('ext1', { name: 'twice', port: 1, address: '10.4.0.1' })
    .addInstance('ext1', { name: 'twice', port: 2, address: '10.4.0.1' });
  return catalog;
}

function web(address: string, port: number, tags: readonly string[], status: string) {
  return { name: 'web', address, port, tags, checks: [status], weights: { passing: 10, warning: 2 } };
}

const soa = 'ns consul. 0 SOA ns.consul. hostmaster.consul. 1700000000 3600 600 86400 0';
const texts = (section: string): string[] => [
  `${section} n1.node.dc1.consul. 0 TXT "plain text"`,
  `${section} n1.node.dc1.consul. 0 TXT "rack=r1"`,
];
const ownTexts = (owner: string): string[] => [
  `ar ${owner} 0 TXT "plain text"`,
  `ar ${owner} 0 TXT "rack=r1"`,
];
const missing = ['NXDOMAIN aa rd', soa];
const noData = ['NOERROR aa rd', soa];
const nothing = ['NOERROR aa rd'];

interface Case {
  readonly ask: string;
  readonly query?: Partial<TestQuery>;
  readonly want: readonly string[];
}

const zone = ['ns consul. 0 NS n1.node.dc1.consul.', 'ar n1.node.dc1.consul. 0 A 127.0.0.1'];
const webAddresses = (owner: string): string[] => [`an ${owner} 0 A 10.0.0.1`, `an ${owner} 0 A 10.0.0.2`];
const webPlaces = (owner: string): string[] => [
  `an ${owner} 0 SRV 1 10 8080 0a000001.addr.dc1.consul.`,
  `an ${owner} 0 SRV 1 2 8081 0a000002.addr.dc1.consul.`,
  'ar 0a000001.addr.dc1.consul. 0 A 10.0.0.1',
  'ar 0a000002.addr.dc1.consul. 0 A 10.0.0.2',
  ...texts('ar').flatMap((line) => [line, line]),
];

const cases: readonly Case[] = [
  {
    ask: 'n1.node.consul A',
    want: ['NOERROR aa rd', 'an n1.node.consul. 0 A 127.0.0.1', ...ownTexts('n1.node.consul.')],
  },
  {
    ask: 'N1.NODE.dc1.CONSUL A',
    want: ['NOERROR aa rd', 'an N1.NODE.dc1.CONSUL. 0 A 127.0.0.1', ...ownTexts('N1.NODE.dc1.CONSUL.')],
  },
  {
    ask: 'n1.node.dc1.dc.consul A',
    want: ['NOERROR aa rd', 'an n1.node.dc1.dc.consul. 0 A 127.0.0.1', ...ownTexts('n1.node.dc1.dc.consul.')],
  },
  {
    ask: '11111111-2222-3333-4444-555555555555.node.consul TXT',
    want: [
      'NOERROR aa rd',
      ...ownTexts('11111111-2222-3333-4444-555555555555.node.consul.').map((line) =>
        line.replace('ar', 'an'),
      ),
    ],
  },
  { ask: '11111111.node.consul A', want: missing },
  { ask: 'n1.node.consul AAAA', want: ['NOERROR aa rd', ...ownTexts('n1.node.consul.')] },
  {
    ask: 'n1.node.consul ANY',
    want: [
      'NOERROR aa rd',
      'an n1.node.consul. 0 A 127.0.0.1',
      ...ownTexts('n1.node.consul.').map((line) => line.replace('ar', 'an')),
    ],
  },
  { ask: 'n1.node.consul SRV', want: nothing },
  { ask: 'nosuch.node.consul 15', want: nothing },
  { ask: 'nosuch.node.consul A', want: missing },
  { ask: 'n1.node.nodc.consul A', want: missing },
  { ask: 'dotted.name.node.consul A', want: ['NOERROR aa rd', 'an dotted.name.node.consul. 0 A 10.2.0.8'] },
  { ask: 'ext2.node.consul AAAA', want: ['NOERROR aa rd', 'an ext2.node.consul. 0 CNAME db.example.com.'] },
  { ask: 'ext2.node.consul TXT', want: nothing },
  { ask: 'v6node.node.consul A', want: nothing },
  { ask: 'v6node.node.consul AAAA', want: ['NOERROR aa rd', 'an v6node.node.consul. 0 AAAA 2001:db8::5'] },
  {
    ask: 'alias.node.consul A',
    want: [
      'NOERROR aa rd',
      'an alias.node.consul. 0 CNAME ext1.node.consul.',
      'an ext1.node.consul. 0 A 10.2.0.1',
      'an ext1.node.consul. 0 TXT "rack=r9"',
    ],
  },
  { ask: 'web.service.consul A', want: ['NOERROR aa rd', ...webAddresses('web.service.consul.')] },
  { ask: 'WEB.Service.consul ANY', want: ['NOERROR aa rd', ...webAddresses('WEB.Service.consul.')] },
  { ask: 'web.service.consul TXT', want: ['NOERROR aa rd', ...webAddresses('web.service.consul.')] },
  { ask: 'web.service.consul AAAA', want: noData },
  { ask: 'web.service.consul 15', want: noData },
  { ask: 'web.service.consul SRV', want: ['NOERROR aa rd', ...webPlaces('web.service.consul.')] },
  { ask: '_web._tcp.service.consul SRV', want: ['NOERROR aa rd', ...webPlaces('_web._tcp.service.consul.')] },
  { ask: '_Web._TCP.consul SRV', want: ['NOERROR aa rd', ...webPlaces('_Web._TCP.consul.')] },
  { ask: '_web._tcp.consul A', want: missing },
  { ask: '_web._udp.service.consul SRV', want: missing },
  { ask: 'v1.web.service.consul A', want: ['NOERROR aa rd', 'an v1.web.service.consul. 0 A 10.0.0.1'] },
  {
    ask: 'PRIMARY.web.service.consul A',
    want: ['NOERROR aa rd', 'an PRIMARY.web.service.consul. 0 A 10.0.0.1'],
  },
  { ask: 'nope.web.service.consul A', want: missing },
  { ask: 'web.service.elsewhere.consul A', want: missing },
  {
    ask: 'a.b.noaddr.service.consul SRV',
    want: [
      'NOERROR aa rd',
      'an a.b.noaddr.service.consul. 0 SRV 1 1 9000 n1.node.dc1.consul.',
      'ar n1.node.dc1.consul. 0 A 127.0.0.1',
      ...texts('ar'),
    ],
  },
  { ask: 'v6.service.consul A', want: noData },
  {
    ask: 'v6.service.consul SRV',
    want: [
      'NOERROR aa rd',
      'an v6.service.consul. 0 SRV 1 1 9001 20010db8000000000000000000000001.addr.dc1.consul.',
      'ar 20010db8000000000000000000000001.addr.dc1.consul. 0 AAAA 2001:db8::1',
      ...texts('ar'),
    ],
  },
  { ask: 'ext.service.consul A', want: ['NOERROR aa rd', 'an ext.service.consul. 0 CNAME www.example.com.'] },
  {
    ask: 'ext.service.consul SRV',
    want: ['NOERROR aa rd', 'an ext.service.consul. 0 SRV 1 1 443 www.example.com.', ...texts('ar')],
  },
  {
    ask: 'cname2.service.consul A',
    want: [
      'NOERROR aa rd',
      'an cname2.service.consul. 0 CNAME web.service.consul.',
      ...webAddresses('web.service.consul.'),
    ],
  },
  {
    ask: 'cname2.service.consul SRV',
    want: [
      'NOERROR aa rd',
      'an cname2.service.consul. 0 SRV 1 1 443 web.service.consul.',
      ...texts('ar'),
      ...webAddresses('web.service.consul.').map((line) => line.replace('an', 'ar')),
    ],
  },
  { ask: 'self.service.consul A', want: ['NOERROR aa rd', 'an self.service.consul. 0 A 127.0.0.1'] },
  { ask: 'extsvc.service.consul A', want: ['NOERROR aa rd', 'an extsvc.service.consul. 0 A 10.2.0.1'] },
  {
    ask: 'extsvc.service.consul SRV',
    want: [
      'NOERROR aa rd',
      'an extsvc.service.consul. 0 SRV 1 1 5432 ext1.node.dc1.consul.',
      'an extsvc.service.consul. 0 SRV 1 1 5433 db.example.com.',
      'ar ext1.node.dc1.consul. 0 A 10.2.0.1',
      'ar ext1.node.dc1.consul. 0 TXT "rack=r9"',
    ],
  },
  { ask: 'uppercase.service.consul A', want: ['NOERROR aa rd', 'an uppercase.service.consul. 0 A 10.1.1.1'] },
  {
    ask: 'under_score.service.consul A',
    want: ['NOERROR aa rd', 'an under_score.service.consul. 0 A 10.1.1.2'],
  },
  { ask: 'lost.service.consul A', want: noData },
  { ask: 'lost.service.consul SRV', want: noData },
  { ask: 'odd\\032name.node.consul A', want: missing },
  {
    ask: 'twice.service.consul SRV',
    want: [
      'NOERROR aa rd',
      'an twice.service.consul. 0 SRV 1 1 1 0a040001.addr.dc1.consul.',
      'an twice.service.consul. 0 SRV 1 1 2 0a040001.addr.dc1.consul.',
      'ar 0a040001.addr.dc1.consul. 0 A 10.4.0.1',
      'ar 0a040001.addr.dc1.consul. 0 A 10.4.0.1',
      'ar ext1.node.dc1.consul. 0 TXT "rack=r9"',
      'ar ext1.node.dc1.consul. 0 TXT "rack=r9"',
    ],
  },
  { ask: 'twice.service.consul A', want: ['NOERROR aa rd', 'an twice.service.consul. 0 A 10.4.0.1'] },
  ...[
    'nosuch.service.consul',
    'consul',
    'web.connect.consul',
    'web.query.consul',
    'ns.consul',
    'web.consul',
  ].map((name) => ({ ask: `${name} A`, want: missing })),
  { ask: '0A000001.addr.consul A', want: ['NOERROR aa rd', 'an 0a000001.addr.consul. 0 A 10.0.0.1'] },
  {
    ask: '0a000001.addr.dc1.consul ANY',
    want: ['NOERROR aa rd', 'an 0a000001.addr.dc1.consul. 0 A 10.0.0.1'],
  },
  { ask: '0a000001.addr.consul SRV', want: ['NOERROR aa rd', 'ar 0a000001.addr.consul. 0 A 10.0.0.1'] },
  {
    ask: '20010db8000000000000000000000001.addr.consul AAAA',
    want: ['NOERROR aa rd', 'an 20010db8000000000000000000000001.addr.consul. 0 AAAA 2001:db8::1'],
  },
  { ask: '0a0000.addr.consul A', want: missing },
  { ask: 'zzzzzzzz.addr.consul A', want: missing },
  { ask: 'CONSUL SOA', want: ['NOERROR aa rd', soa.replace('ns ', 'an '), ...zone] },
  { ask: 'anything.at.all.consul SOA', want: ['NOERROR aa rd', soa.replace('ns ', 'an '), ...zone] },
  { ask: 'consul NS', want: ['NOERROR aa rd', 'an consul. 0 NS n1.node.dc1.consul.', zone[1]!] },
  { ask: 'consul AXFR', want: ['NOTIMP aa rd'] },
  { ask: 'consul IXFR', want: ['NOTIMP aa rd'] },
  {
    ask: '1.0.0.10.in-addr.arpa PTR',
    want: ['NOERROR aa rd', 'an 1.0.0.10.in-addr.arpa. 0 PTR web.service.dc1.consul.'],
  },
  {
    ask: '1.0.0.127.IN-ADDR.arpa A',
    want: ['NOERROR aa rd', 'an 1.0.0.127.IN-ADDR.arpa. 0 PTR n1.node.dc1.consul.'],
  },
  {
    ask: '1.0.0.127.in-addr.arpa SOA',
    want: ['NOERROR aa rd', 'an 1.0.0.127.in-addr.arpa. 0 PTR n1.node.dc1.consul.', soa],
  },
  { ask: '9.9.9.9.in-addr.arpa PTR', want: missing },
  { ask: 'arpa PTR', want: missing },
  { ask: 'www.example.com A', want: ['REFUSED rd'] },
  { ask: 'www.example.com A', query: { udpSize: 1232, flags: 0 }, want: ['REFUSED'] },
  { ask: '. NS', want: ['REFUSED rd'] },
  { ask: 'xconsul A', want: ['REFUSED rd'] },
  {
    ask: 'web.service.consul A',
    query: { flags: 0x10 },
    want: ['NOERROR aa cd', ...webAddresses('web.service.consul.')],
  },
  { ask: 'nosuch.service.consul A', query: { udpSize: 100 }, want: [...missing, 'opt 100'] },
  { ask: 'consul SOA', query: { opcode: 4 }, want: ['NOERROR aa', soa.replace('ns ', 'an '), ...zone] },
];

test('questions are answered as Consul answers them', async () => {
  const resolver = testResolver(fixture());
  for (const { ask: line, query = {}, want } of cases) {
    const [name, type] = line.split(' ') as [string, TestQuery['type']];
    const numeric = /^\d+$/.test(String(type)) ? Number(type) : type!;
    // Twice: from the catalog, then from the cache.
    for (const round of ['first', 'second']) {
      const reply = await ask(resolver, { name, type: numeric, ...query });
      assert.deepEqual(show(reply).toSorted(), [...want].toSorted(), `${line}, ${round}`);
    }
  }
});

test('an odd node name is no SRV target, its address takes its place', async () => {
  const catalog = new TestCatalog()
    .addNode('a'.repeat(64), '10.0.0.1')
    .addInstance('a'.repeat(64), { name: 'web' });
  const reply = await ask(testResolver(catalog), { name: 'web.service.consul', type: 'SRV' });
  assert.deepEqual(show(reply).slice(1), [
    'an web.service.consul. 0 SRV 1 1 80 0a000001.addr.dc1.consul.',
    'ar 0a000001.addr.dc1.consul. 0 A 10.0.0.1',
  ]);
});

const withOptions: readonly (Case & { readonly options: Partial<AnswerOptions> })[] = [
  {
    options: { onlyPassing: true, serviceTtlSeconds: { '*': 5, web: 7, 'we*': 8 } },
    ask: 'web.service.consul A',
    want: ['NOERROR aa rd', 'an web.service.consul. 7 A 10.0.0.1'],
  },
  {
    options: { serviceTtlSeconds: { '*': 5, 'up*': 9, 'u*': 8 } },
    ask: 'uppercase.service.consul A',
    want: ['NOERROR aa rd', 'an uppercase.service.consul. 9 A 10.1.1.1'],
  },
  {
    options: { serviceTtlSeconds: { '*': 5 }, nodeMetaTxt: false },
    ask: 'noaddr.service.consul SRV',
    want: [
      'NOERROR aa rd',
      'an noaddr.service.consul. 5 SRV 1 1 9000 n1.node.dc1.consul.',
      'ar n1.node.dc1.consul. 5 A 127.0.0.1',
    ],
  },
  {
    options: { nodeTtlSeconds: 11, nodeMetaTxt: false },
    ask: 'n1.node.consul A',
    want: ['NOERROR aa rd', 'an n1.node.consul. 11 A 127.0.0.1'],
  },
  {
    options: { nodeTtlSeconds: 11, serviceTtlSeconds: { web: 7 } },
    ask: '1.0.0.10.in-addr.arpa PTR',
    want: ['NOERROR aa rd', 'an 1.0.0.10.in-addr.arpa. 7 PTR web.service.dc1.consul.'],
  },
  {
    options: { soa: { refreshSeconds: 1000, retrySeconds: 200, expireSeconds: 5000, minTtlSeconds: 13 } },
    ask: 'nosuch.service.consul A',
    want: ['NXDOMAIN aa rd', 'ns consul. 13 SOA ns.consul. hostmaster.consul. 1700000000 1000 200 5000 13'],
  },
  {
    options: { altDomain: 'alt.test' },
    ask: 'extsvc.service.ALT.test SRV',
    want: [
      'NOERROR aa rd',
      'an extsvc.service.ALT.test. 0 SRV 1 1 5432 ext1.node.dc1.alt.test.',
      'an extsvc.service.ALT.test. 0 SRV 1 1 5433 db.example.com.',
      'ar ext1.node.dc1.alt.test. 0 A 10.2.0.1',
      'ar ext1.node.dc1.alt.test. 0 TXT "rack=r9"',
    ],
  },
  {
    options: { domain: 'my.corp' },
    ask: 'uppercase.service.my.corp A',
    want: ['NOERROR aa rd', 'an uppercase.service.my.corp. 0 A 10.1.1.1'],
  },
  { options: { domain: 'my.corp' }, ask: 'web.service.consul A', want: ['REFUSED rd'] },
  {
    options: { disableCompression: true },
    ask: 'Web.service.consul A',
    want: ['NOERROR aa rd', ...webAddresses('Web.service.consul.')],
  },
  {
    options: { disableCompression: true },
    ask: 'Web.service.consul SRV',
    want: ['NOERROR aa rd', ...webPlaces('Web.service.consul.')],
  },
];

test('options change answers', async () => {
  for (const { options, ask: line, want } of withOptions) {
    const [name, type] = line.split(' ') as [string, keyof typeof recordTypes];
    const reply = await ask(testResolver(fixture(), options), { name, type, udpSize: 1232 });
    assert.deepEqual(
      show(reply)
        .filter((text) => !text.startsWith('opt'))
        .toSorted(),
      [...want].toSorted(),
      line,
    );
  }
});

test('a TTL above what DNS knows is cut to it', async () => {
  const resolver = testResolver(fixture(), { serviceTtlSeconds: { '*': 5e9 } });
  const reply = await ask(resolver, { name: 'uppercase.service.consul' });
  assert.equal(reply.answers[0]!.ttl, 0x7fff_ffff);
});

test('a cycle of aliases ends', async () => {
  const reply = await ask(testResolver(fixture()), { name: 'loop-a.service.consul' });
  assert.equal(reply.rcode, 0);
  assert.ok(reply.answers.length >= 2 && reply.answers.length <= 5, show(reply).join('\n'));
});

test('followed addresses are at most five without EDNS', async () => {
  const catalog = new TestCatalog()
    .addNode('n', '10.0.0.1')
    .addInstance('n', { name: 'alias', address: 'big.service.consul' });
  for (let i = 0; i < 8; i++) catalog.addInstance('n', { name: 'big', address: `10.1.0.${i}` });
  const resolver = testResolver(catalog);
  const plain = await ask(resolver, { name: 'alias.service.consul', transport: 'tcp' });
  const edns = await ask(resolver, { name: 'alias.service.consul', transport: 'tcp', udpSize: 1232 });
  assert.equal(plain.answers.length, 6);
  assert.equal(edns.answers.length, 9);
});

test('only one of several aliases is given, now this one, now that one', async () => {
  const catalog = new TestCatalog().addNode('n', '10.0.0.1');
  for (const host of ['a.example', 'b.example', 'c.example'])
    catalog.addInstance('n', { name: 'multi', address: host });
  const resolver = testResolver(catalog);
  const seen = new Set<string>();
  for (let i = 0; i < 60; i++) {
    const reply = await ask(resolver, { name: 'multi.service.consul' });
    assert.equal(reply.answers.length, 1);
    seen.add(show(reply)[1]!);
  }
  assert.equal(seen.size, 3);
});

test('what the asker may not see does not exist', async () => {
  const authorize = { node: (name: string) => name !== 'n1', service: (name: string) => name !== 'extsvc' };
  const resolver = testResolver(fixture(), {}, { authorize });
  for (const [name, type] of [
    ['n1.node.consul', 'A'],
    ['web.service.consul', 'A'],
    ['extsvc.service.consul', 'SRV'],
    ['1.0.0.127.in-addr.arpa', 'PTR'],
  ] as const) {
    assert.deepEqual(show(await ask(resolver, { name, type })), missing, name);
  }
});

test('a client subnet comes back with scope 0, cookies do not', async () => {
  const subnet = { code: 8, bytes: Uint8Array.of(0, 1, 24, 0, 203, 0, 113) };
  const cookie = { code: 10, bytes: new Uint8Array(8) };
  const reply = await ask(testResolver(fixture()), {
    name: 'web.service.consul',
    udpSize: 4096,
    options: [cookie, subnet],
  });
  assert.deepEqual(reply.edns, { udpSize: 4096, version: 0, dnssecOk: false, options: [subnet] });
});
