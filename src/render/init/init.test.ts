import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateOffline } from '../eval.ts';
import type { Fixture } from '../fixture-source.ts';
import { readyMade, stanzaOf, templateOf } from './init.ts';

type Service = NonNullable<Fixture['services']>[number];

/** An instance of `web` that can be used, but for what is said. */
function instance(own: Partial<Service> = {}): Service {
  const Weights = { Passing: 1, Warning: 1 };
  const base = {
    Node: 'n1',
    Name: 'web',
    ID: 'web-1',
    Address: '10.0.0.1',
    Port: 80,
    Status: 'passing',
    Weights,
  };
  return { ...base, Tags: ['http', 'metrics'], ...own };
}

function world(services: readonly Service[], more: Partial<Fixture> = {}): Fixture {
  const catalog: Record<string, readonly string[]> = {};
  for (const { Name, Tags } of services)
    catalog[Name] = [...new Set([...(catalog[Name] ?? []), ...(Tags ?? [])])];
  return {
    services,
    catalog: { ...catalog, consul: [] },
    nodes: [{ Node: 'n1', Address: '10.0.0.1' }],
    ...more,
  };
}

function render(name: string, fixture: Fixture, missingKey: 'zero' | 'error' = 'zero'): string {
  const one = readyMade.find((known) => known.name === name)!;
  return evaluateOffline({ name, text: templateOf(one, `${name}.ctmpl`), fixture, missingKey }).output;
}

const proxies = ['nginx', 'haproxy', 'caddy', 'apache', 'varnish'];

test('every template renders an empty world, also when a missing key is an error', () => {
  for (const { name } of readyMade) {
    const output = render(name, { catalog: {} }, 'error');
    assert.match(output, /^# Rendered from a template/, name);
    assert.ok(output.endsWith('\n'), name);
    assert.doesNotMatch(output, /no value|\n\n\n/, name);
  }
});

test('proxies answer 503 when no instance is left, and name none', () => {
  const dead = [instance({ Status: 'critical' }), instance({ ID: 'web-2', Status: 'maintenance' })];
  for (const name of proxies) {
    const output = render(name, world(dead));
    assert.match(output, /503/, name);
    assert.match(output, /# "web" is left out: no instance can take requests\./, name);
    assert.doesNotMatch(output, /10\.0\.0\.1/, name);
  }
});

test('instances without a port, with an address that is no address, or twice the same are left out', () => {
  const given = [
    instance({ Port: 0, Address: '10.0.0.7' }),
    instance({ ID: 'web-2', Address: '10.0.0.8; evil' }),
    instance({ ID: 'web-3', Address: '10.0.0.9\n}' }),
    instance({ ID: 'web-4', Address: '10.0.0.10' }),
    instance({ ID: 'web-5', Address: '10.0.0.10' }),
  ];
  for (const name of proxies) {
    const output = render(name, world(given));
    assert.doesNotMatch(output, /10\.0\.0\.[789]|evil/, name);
    const lines = output.split('\n').filter((line) => line.includes('10.0.0.10'));
    assert.equal(lines.length, 1, `${name}: ${lines.join('\n')}`);
  }
});

test('IPv6 addresses stand in brackets where the syntax wants it', () => {
  const six = world([instance({ Address: '2001:db8::1' })]);
  assert.match(render('nginx', six), /server \[2001:db8::1\]:80 weight=1;/);
  assert.match(render('haproxy', six), /server 2001:db8::1:80 \[2001:db8::1\]:80 weight 1\n/);
  assert.match(render('caddy', six), /reverse_proxy \[2001:db8::1\]:80 \{/);
  assert.match(render('apache', six), /"http:\/\/\[2001:db8::1\]:80"/);
  assert.match(render('varnish', six), /\.host = "2001:db8::1"; \.port = "80"/);
  assert.match(render('prometheus', six), /targets: \["\[2001:db8::1\]:80"\]/);
  assert.match(render('hosts', six), /^2001:db8::1 web\.service\.consul$/m);
});

test('weights are those of Consul: of an instance that warns its own, 0 keeps it out', () => {
  const given = world([
    instance({ Weights: { Passing: 10, Warning: 1 } }),
    instance({ ID: 'web-2', Address: '10.0.0.2', Status: 'warning', Weights: { Passing: 10, Warning: 3 } }),
    instance({ ID: 'web-3', Address: '10.0.0.3', Status: 'warning', Weights: { Passing: 10, Warning: 0 } }),
    instance({ ID: 'web-4', Address: '10.0.0.4', Weights: { Passing: 1000, Warning: 1 } }),
  ]);
  assert.match(
    render('nginx', given),
    /1:80 weight=10;\n {2}server 10\.0\.0\.2:80 weight=3;\n {2}server 10\.0\.0\.4:80 weight=1000;/,
  );
  assert.match(render('haproxy', given), /weight 10\n.*weight 3\n.*weight 256\n/);
  assert.match(render('apache', given), /loadfactor=10 [^]*loadfactor=3 [^]*loadfactor=100 /);
  assert.match(render('varnish', given), /s-web-1, 10\);[^]*s-web-2, 3\);[^]*s-web-3, 1000\);/);
  const times = (address: string): string => Array.from({ length: 10 }, () => address).join(' ');
  const caddy = (address: string): string =>
    `\treverse_proxy 10.0.0.1:80 10.0.0.2:80 ${times(address)} {\n\t\tlb_policy round_robin\n`;
  assert.ok(render('caddy', given).includes(caddy('10.0.0.4:80')), render('caddy', given));
  for (const name of proxies) assert.doesNotMatch(render(name, given), /10\.0\.0\.3/, name);
});

test('caddy lists an instance as often as it weighs; where all weigh the same, once', () => {
  const upstreams = (...weights: readonly number[]): string | undefined =>
    /reverse_proxy (.*) \{/.exec(
      render(
        'caddy',
        world(
          weights.map((Passing, i) =>
            instance({ ID: `web-${i}`, Address: `10.0.0.${i}`, Weights: { Passing, Warning: 1 } }),
          ),
        ),
      ),
    )?.[1];
  assert.equal(upstreams(1, 2), '10.0.0.0:80 10.0.0.1:80 10.0.0.1:80');
  assert.equal(upstreams(7, 7), '10.0.0.0:80 10.0.0.1:80');
  assert.equal(upstreams(7), '10.0.0.0:80');
  assert.equal(upstreams(20, 65535)?.split(' ').length, 11);
  assert.equal(
    upstreams(50, 100)
      ?.split(' ')
      .filter((one) => one === '10.0.0.0:80').length,
    5,
  );
});

test('a service has its own host by meta, unless that is none', () => {
  for (const name of proxies) {
    const output = render(name, world([instance({ ServiceMeta: { host: 'Shop.Example.org' } })]));
    assert.match(output, /\bshop\.example\.org\b/, name);
    assert.doesNotMatch(output, /localhost/, name);
    for (const host of ['a b', 'x;y', '{', 'a..b', '*.x', '"', '', 'x\ny']) {
      const kept = render(name, world([instance({ ServiceMeta: { host } })]));
      assert.match(kept, /\bweb\.localhost\b/, `${name}: ${host}`);
    }
    assert.match(
      render(name, world([instance()], { kv: { 'proxy/domain': 'corp' } })),
      /\bweb\.corp\b/,
      name,
    );
  }
});

test('names that cannot be asked for, and second ones for a name or host, are left out with a comment', () => {
  const given = world([
    instance({ Name: 'a.b' }),
    instance({ Name: 'x"\ny{' }),
    instance({ Name: 'Big_API', Address: '10.0.0.2' }),
    instance({ Name: 'big-api', Address: '10.0.0.3' }),
    instance({ Name: 'other', Address: '10.0.0.4', ServiceMeta: { host: 'big-api.localhost' } }),
  ]);
  for (const name of proxies) {
    const output = render(name, given);
    assert.match(output, /^# "a\.b" is left out: its name cannot be asked for\.$/m, name);
    assert.match(output, /^# "x\\"\\ny\{" is left out/m, name);
    assert.match(output, /^# "big-api" is left out: its name or host big-api\.localhost is taken\.$/m, name);
    assert.match(output, /^# "other" is left out: its name or host big-api\.localhost is taken\.$/m, name);
    assert.doesNotMatch(output, /10\.0\.0\.[134]/, name);
  }
});

test('only instances with the tag are served', () => {
  const given = world([instance(), instance({ ID: 'web-2', Address: '10.0.0.2', Tags: ['admin'] })]);
  for (const name of [...proxies, 'prometheus']) {
    assert.match(render(name, given), /10\.0\.0\.1/, name);
    assert.doesNotMatch(render(name, given), /10\.0\.0\.2/, name);
  }
});

test('Prometheus gets critical instances, not those in maintenance, and settings from meta', () => {
  const ServiceMeta = { metrics_port: '9100', metrics_path: '/m?x="y"', metrics_scheme: 'https' };
  const given = world([
    instance({ Status: 'critical', ServiceMeta }),
    instance({ ID: 'web-2', Status: 'maintenance', Address: '10.0.0.2' }),
    instance({ ID: 'web-3', Address: '10.0.0.3', ServiceMeta: { metrics_port: '1; x', metrics_path: 'm' } }),
  ]);
  assert.equal(
    render('prometheus', given),
    `# Rendered from a template: changes to this file are lost.
- targets: ["10.0.0.1:9100"]
  labels:
    service: "web"
    service_id: "web-1"
    node: "n1"
    tags: ",http,metrics,"
    __metrics_path__: "/m?x=\\"y\\""
    __scheme__: "https"
- targets: ["10.0.0.3:80"]
  labels:
    service: "web"
    service_id: "web-3"
    node: "n1"
    tags: ",http,metrics,"
`,
  );
  assert.match(render('prometheus', { catalog: {} }), /\n\[\]\n$/);
});

test('hosts are lines of an address and names that getent would read', () => {
  const given = world(
    [
      instance(),
      instance({ ID: 'web-2' }),
      instance({ ID: 'web-3', Address: 'name.example' }),
      instance({ Name: 'a.b' }),
    ],
    {
      nodes: [
        { Node: 'N1', Address: '10.0.0.1' },
        { Node: 'bad name', Address: '10.0.0.2' },
      ],
    },
  );
  assert.equal(
    render('hosts', given),
    `# Rendered from a template: changes to this file are lost.
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
10.0.0.1 n1.node.consul n1
10.0.0.1 web.service.consul
`,
  );
});

test('a Caddyfile opens each block at the end of a line, closes it on a line of its own, and names each site once', () => {
  const given = world([
    instance(),
    instance({ Name: 'api', Address: '::1', Weights: { Passing: 2, Warning: 1 } }),
  ]);
  let depth = 0;
  const sites: string[] = [];
  for (const line of render('caddy', given).split('\n')) {
    if (line.startsWith('#')) continue;
    if (depth === 0 && line.endsWith(' {')) sites.push(line);
    if (/[{}]/.test(line)) assert.match(line, /^\t*[^{}]* \{$|^\t*\}$/, line);
    depth += line.endsWith('{') ? 1 : line.endsWith('}') ? -1 : 0;
    assert.ok(depth >= 0, line);
  }
  assert.equal(depth, 0);
  assert.deepEqual(sites, ['http://:80 {', 'http://api.localhost:80 {', 'http://web.localhost:80 {']);
});

test('a stanza names its file, its check and its command, and stands at the head of the template', () => {
  for (const one of readyMade) {
    const stanza = stanzaOf(one, '/etc/portolan/x.ctmpl');
    assert.ok(stanza.includes('source      = "/etc/portolan/x.ctmpl"'), one.name);
    assert.equal(stanza.includes('check       ='), one.check !== '', one.name);
    assert.equal(stanza.includes('command     ='), one.command !== '', one.name);
    assert.ok(
      templateOf(one, 'x.ctmpl').includes(`destination = ${JSON.stringify(one.destination)}`),
      one.name,
    );
  }
});
