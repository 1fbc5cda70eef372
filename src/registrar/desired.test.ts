import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ContainerNetwork, ContainerSnapshot } from '../docker/docker.ts';
import { container, idOf, port } from '../docker/scripted-engine.testkit.ts';
import { desiredServices, type Desired } from './desired.ts';
import { parseMark } from './mark.ts';
import { defaultDesiredOptions, type DesiredOptions } from './options.ts';

const base: DesiredOptions = { ...defaultDesiredOptions, nodeName: 'vm', advertise: '192.168.0.7' };
const withIp: DesiredOptions = { ...base, ip: '10.1.2.3' };
const internal: DesiredOptions = { ...base, internal: true };

function net(name: string, ipv4: string, gatewayPriority = 0, ipv6 = ''): ContainerNetwork {
  return { name, id: idOf(name), ipv4, ipv6, gatewayPriority };
}

function desire(
  parts: Partial<ContainerSnapshot>,
  options = base,
  peers: readonly ContainerSnapshot[] = [],
): Desired {
  const find = (id: string): ContainerSnapshot | undefined => peers.find((peer) => peer.id === id);
  return desiredServices(container('x', { image: 'busybox', ...parts }), options, 'r', find);
}

/** `id name address:port tags` of each service. */
function rows(desired: Desired): string[] {
  return desired.services.map(({ registration: { service: s } }) =>
    [s.id, s.name, `${s.address}:${s.port}`, ...(s.tags.length === 0 ? [] : [s.tags.join('|')])].join(' '),
  );
}

const userA = [net('userA', '172.20.0.2')];
const onUserA = { networkMode: 'userA', networks: userA };
const main = container('main', { networks: [net('userA', '172.20.0.9')] });
const ofMain = { networkMode: `container:${idOf('main')}`, networks: [] };

interface Row {
  readonly name: string;
  readonly parts: Partial<ContainerSnapshot>;
  readonly options?: DesiredOptions;
  readonly peers?: readonly ContainerSnapshot[];
  readonly want: readonly string[];
}

const addresses: readonly Row[] = [
  {
    name: 'published: the host',
    parts: { ports: [port(80, 33107)] },
    want: ['vm:x:80 busybox 192.168.0.7:33107'],
  },
  {
    name: 'published with -ip',
    parts: { ports: [port(80, 33107)] },
    options: withIp,
    want: ['vm:x:80 busybox 10.1.2.3:33107'],
  },
  {
    name: 'published, -internal',
    parts: { ports: [port(80, 33107)] },
    options: internal,
    want: ['vm:x:80 busybox 172.17.0.2:80'],
  },
  { name: 'exposed only', parts: { ports: [port(80)] }, want: [] },
  {
    name: 'exposed only, -internal',
    parts: { ports: [port(80)] },
    options: internal,
    want: ['vm:x:80 busybox 172.17.0.2:80'],
  },
  {
    name: 'host network: what is exposed',
    parts: { networkMode: 'host', networks: [net('host', '')], ports: [port(80), port(9000)] },
    options: withIp,
    want: ['vm:x:80 busybox-80 10.1.2.3:80', 'vm:x:9000 busybox-9000 10.1.2.3:9000'],
  },
  {
    name: 'host network, -internal',
    parts: { networkMode: 'host', ports: [port(80)] },
    options: internal,
    want: ['vm:x:80 busybox :80'],
  },
  {
    name: 'own network: the host',
    parts: { ...onUserA, ports: [port(80, 33124)] },
    want: ['vm:x:80 busybox 192.168.0.7:33124'],
  },
  {
    name: 'own network with -ip',
    parts: { ...onUserA, ports: [port(80, 33124)] },
    options: withIp,
    want: ['vm:x:80 busybox 10.1.2.3:33124'],
  },
  {
    name: 'own network, -internal',
    parts: { ...onUserA, ports: [port(80, 33124)] },
    options: internal,
    want: ['vm:x:80 busybox 172.20.0.2:80'],
  },
  {
    name: 'network none',
    parts: { networkMode: 'none', networks: [net('none', '')], ports: [port(80)] },
    options: withIp,
    want: [],
  },
  {
    name: 'network none, -internal',
    parts: { networkMode: 'none', ports: [port(80)] },
    options: internal,
    want: [],
  },
  {
    name: "another's network",
    parts: { ...ofMain, ports: [port(80)] },
    peers: [main],
    want: ['vm:x:80 busybox 172.20.0.9:80'],
  },
  {
    name: "another's network with -ip",
    parts: { ...ofMain, ports: [port(80)] },
    options: withIp,
    peers: [main],
    want: ['vm:x:80 busybox 172.20.0.9:80'],
  },
  { name: "another's network, gone", parts: { ...ofMain, ports: [port(80)] }, want: [] },
  {
    name: "another's host network",
    parts: { ...ofMain, ports: [port(80)] },
    peers: [container('main', { networkMode: 'host', networks: [] })],
    want: ['vm:x:80 busybox 192.168.0.7:80'],
  },
  {
    name: 'a specific address beats the advertised one',
    parts: { ports: [port(80, 28091, 'tcp', '10.9.9.9')] },
    want: ['vm:x:80 busybox 10.9.9.9:28091'],
  },
  {
    name: '-ip beats all',
    parts: { ports: [port(80, 28091, 'tcp', '127.0.0.1')] },
    options: withIp,
    want: ['vm:x:80 busybox 10.1.2.3:28091'],
  },
  {
    name: 'families with ports of their own: IPv4',
    parts: {
      ports: [
        {
          port: 80,
          protocol: 'tcp',
          bindings: [
            { hostIp: '::', hostPort: 33105 },
            { hostIp: '0.0.0.0', hostPort: 33107 },
          ],
        },
      ],
    },
    want: ['vm:x:80 busybox 192.168.0.7:33107'],
  },
  {
    name: 'several bindings: not loopback, then the lowest port',
    parts: {
      ports: [
        {
          port: 80,
          protocol: 'tcp',
          bindings: [
            { hostIp: '127.0.0.1', hostPort: 1 },
            { hostIp: '0.0.0.0', hostPort: 28093 },
            { hostIp: '0.0.0.0', hostPort: 28092 },
          ],
        },
      ],
    },
    want: ['vm:x:80 busybox 192.168.0.7:28092'],
  },
  {
    name: 'routed mode of Engine 27: the container itself',
    parts: { ports: [{ port: 80, protocol: 'tcp', bindings: [{ hostIp: '0.0.0.0', hostPort: 0 }] }] },
    want: ['vm:x:80 busybox 172.17.0.2:80'],
  },
  {
    name: 'address from a label, cut at the slash, port untouched',
    parts: { ports: [port(80, 33107)], labels: { 'my.ip': '10.5.0.3/24' } },
    options: { ...withIp, ipLabel: 'my.ip' },
    want: ['vm:x:80 busybox 10.5.0.3:33107'],
  },
  {
    name: 'a missing address label',
    parts: { ports: [port(80, 33107)] },
    options: { ...withIp, ipLabel: 'my.ip' },
    want: ['vm:x:80 busybox 10.1.2.3:33107'],
  },
  { name: 'restarting', parts: { state: 'restarting', ports: [port(80, 3000)] }, want: [] },
  { name: 'exited', parts: { state: 'exited', ports: [port(80, 3000)] }, want: [] },
  { name: 'no ports', parts: {}, want: [] },
];

test('the address of a service is one that others can reach', () => {
  for (const { name, parts, options, peers, want } of addresses) {
    assert.deepEqual(rows(desire(parts, options, peers)), want, name);
  }
});

test('of several networks the label, the list, the priority and the name choose, in this order', () => {
  const networks = [
    net('zeta', '10.0.3.1'),
    net('alpha', '10.0.1.1'),
    net('mid', '10.0.2.1'),
    net('ingress', '10.0.0.1', 9),
  ];
  const parts = { networkMode: 'zeta', networks, ports: [port(80)] };
  const address = (more: Partial<ContainerSnapshot>, options = internal): string =>
    rows(desire({ ...parts, ...more }, options))[0]!;
  assert.match(address({}), /10\.0\.1\.1:80$/);
  assert.match(
    address({ networks: [...networks.slice(0, 2), net('mid', '10.0.2.1', 5)] }),
    /10\.0\.2\.1:80$/,
  );
  assert.match(address({}, { ...internal, networks: ['nosuch', 'zeta'] }), /10\.0\.3\.1:80$/);
  assert.match(
    address({ labels: { SERVICE_NETWORK: 'mid' } }, { ...internal, networks: ['zeta'] }),
    /10\.0\.2\.1:80$/,
  );
  assert.match(address({ networks: [net('six', '', 0, 'fd00::5')] }), / fd00::5:80$/);
});

const names: readonly Row[] = [
  {
    name: 'path, registry port and tag are cut',
    parts: { image: 'reg:5000/a/web:1.2', ports: [port(80, 1)] },
    want: ['vm:x:80 web 192.168.0.7:1'],
  },
  {
    name: 'a digest is cut',
    parts: { image: 'a/web@sha256:0123', ports: [port(80, 1)] },
    want: ['vm:x:80 web 192.168.0.7:1'],
  },
  {
    name: 'an image id is no name',
    parts: { image: `sha256:${'0'.repeat(64)}`, ports: [port(80, 1)] },
    want: ['vm:x:80 x 192.168.0.7:1'],
  },
  {
    name: 'the compose service names an image id',
    parts: { image: 'f00dfeedbeef', labels: { 'com.docker.compose.service': 'api' }, ports: [port(80, 1)] },
    want: ['vm:x:80 api 192.168.0.7:1'],
  },
  {
    name: 'tcp and udp',
    parts: { ports: [port(53, 1), port(53, 2, 'udp'), port(80, 3)] },
    want: [
      'vm:x:53 busybox-53 192.168.0.7:1',
      'vm:x:53:udp busybox-53 192.168.0.7:2 udp',
      'vm:x:80 busybox-80 192.168.0.7:3',
    ],
  },
  {
    name: 'sctp',
    parts: { ports: [port(80, 1), port(80, 2, 'sctp')] },
    want: ['vm:x:80 busybox-80 192.168.0.7:1', 'vm:x:80:sctp busybox-80 192.168.0.7:2 sctp'],
  },
  {
    name: 'a general and a port name',
    parts: { env: ['SERVICE_NAME=gen', 'SERVICE_81_NAME=spec'], ports: [port(80, 1), port(81, 2)] },
    want: ['vm:x:80 gen-80 192.168.0.7:1', 'vm:x:81 spec 192.168.0.7:2'],
  },
  {
    name: 'the protocol in the key',
    parts: {
      labels: { SERVICE_53_TCP_NAME: 'dns-tcp', SERVICE_53_NAME: 'dns' },
      ports: [port(53, 1), port(53, 2, 'udp')],
    },
    want: ['vm:x:53 dns-tcp 192.168.0.7:1', 'vm:x:53:udp dns 192.168.0.7:2 udp'],
  },
  {
    name: 'label over env',
    parts: { env: ['SERVICE_NAME=a'], labels: { SERVICE_NAME: 'b' }, ports: [port(80, 1)] },
    want: ['vm:x:80 b 192.168.0.7:1'],
  },
  {
    name: 'port env over general label',
    parts: { env: ['SERVICE_80_NAME=p'], labels: { SERVICE_NAME: 'g' }, ports: [port(80, 1)] },
    want: ['vm:x:80 p 192.168.0.7:1'],
  },
  {
    name: 'lower case is not read',
    parts: { env: ['service_name=a'], ports: [port(80, 1)] },
    want: ['vm:x:80 busybox 192.168.0.7:1'],
  },
  { name: 'ignored', parts: { env: ['SERVICE_IGNORE=yes'], ports: [port(80, 1)] }, want: [] },
  {
    name: 'IGNORE=false',
    parts: { env: ['SERVICE_IGNORE=false'], ports: [port(80, 1)] },
    want: ['vm:x:80 busybox 192.168.0.7:1'],
  },
  {
    name: 'an empty value shadows',
    parts: { env: ['SERVICE_IGNORE=yes', 'SERVICE_80_IGNORE='], ports: [port(80, 1), port(81, 2)] },
    want: ['vm:x:80 busybox 192.168.0.7:1'],
  },
  {
    name: 'ignored ports do not count',
    parts: { env: ['SERVICE_81_IGNORE=1'], ports: [port(80, 1), port(81, 2)] },
    want: ['vm:x:80 busybox 192.168.0.7:1'],
  },
  {
    name: '-explicit without a name',
    parts: { ports: [port(80, 1)] },
    options: { ...base, explicit: true },
    want: [],
  },
  {
    name: '-explicit with one',
    parts: { env: ['SERVICE_80_NAME=p'], ports: [port(80, 1), port(81, 2)] },
    options: { ...base, explicit: true },
    want: ['vm:x:80 p 192.168.0.7:1'],
  },
  {
    name: 'own id',
    parts: { env: ['SERVICE_ID=db'], ports: [port(80, 1)] },
    want: ['db busybox 192.168.0.7:1'],
  },
  {
    name: 'own id for several ports',
    parts: {
      env: ['SERVICE_ID=db', 'SERVICE_82_ID=two'],
      ports: [port(80, 1), port(81, 2, 'udp'), port(82, 3)],
    },
    want: [
      'db:80 busybox-80 192.168.0.7:1',
      'db:81:udp busybox-81 192.168.0.7:2 udp',
      'two busybox-82 192.168.0.7:3',
    ],
  },
  {
    name: 'tags in their order, then the common ones, then the protocol',
    parts: { env: ['SERVICE_TAGS=a,b\\,c,d,,'], ports: [port(53, 1, 'udp')] },
    options: { ...base, tags: ['all'] },
    want: ['vm:x:53:udp busybox 192.168.0.7:1 a|b,c|d|all|udp'],
  },
];

test('names, ids and tags come from env, labels and the image', () => {
  for (const { name, parts, options, want } of names)
    assert.deepEqual(rows(desire(parts, options)), want, name);
});

test('whatever is not reserved becomes meta, beside the mark', () => {
  const env = [
    'SERVICE_REGION=us',
    'SERVICE_80_Color=Red',
    'SERVICE_81_SIZE=9',
    'SERVICE_TAGS=a',
    'SERVICE_CHECK_TTL=5s',
    'SERVICE_X=a=b',
  ];
  const { services } = desire({ env, ports: [port(80, 1)] });
  const { meta } = services[0]!.registration.service;
  const { 'portolan-registrar': registrar, 'portolan-container': id, 'portolan-hash': hash, ...rest } = meta!;
  assert.deepEqual(rest, { region: 'us', color: 'Red', check_ttl: '5s', x: 'a=b' });
  assert.deepEqual([registrar, id], ['r', idOf('x')]);
  assert.match(hash!, /^[0-9a-f]{32}$/);
  assert.deepEqual(parseMark({ meta }), { registrar, container: id, hash });
});

test('a meta key that catalogs refuse is repaired and said', () => {
  const labels = {
    'SERVICE_FOO.BAR': '1',
    'SERVICE_CONSUL-X': '2',
    'SERVICE_PORTOLAN-HASH': 'forged',
    SERVICE_LONG: 'é'.repeat(300),
  };
  const { services, problems } = desire({ labels, ports: [port(80, 1)] });
  const { meta } = services[0]!.registration.service;
  assert.equal(meta!['foo_bar'], '1');
  assert.equal(meta!['consul_x'], '2');
  assert.notEqual(meta!['portolan-hash'], 'forged');
  assert.equal(Buffer.byteLength(meta!['long']!), 512);
  assert.equal(problems.length, 4);
});

test('meta has room for the mark: what only repeats the check goes first, then the last by name, with a warning', () => {
  const many = Array.from({ length: 61 }, (_, i) => `SERVICE_K${String(i).padStart(2, '0')}=v`);
  const full = desire({
    env: [...many, 'SERVICE_CHECK_TCP=1', 'SERVICE_CHECK_INTERVAL=5s'],
    ports: [port(80, 1)],
  });
  assert.equal(Object.keys(full.services[0]!.registration.service.meta!).length, 64);
  assert.deepEqual(full.problems, []);
  const over = desire({ env: [...many, 'SERVICE_Z1=v', 'SERVICE_Z2=v'], ports: [port(80, 1)] });
  assert.equal(over.services[0]!.registration.service.meta!['k60'], 'v');
  assert.deepEqual(over.problems, ['meta has room for 61 pairs, left out: z1, z2']);
});

test('the hash moves with what is registered and with nothing else', () => {
  const hash = (parts: Partial<ContainerSnapshot>): string =>
    desire({ ports: [port(80, 1)], ...parts }).services[0]!.hash;
  const first = hash({});
  assert.equal(hash({ health: 'unhealthy', healthOutput: 'x', startedAt: '2027-01-01T00:00:00Z' }), first);
  assert.equal(hash({ labels: { other: '1' } }), first);
  assert.notEqual(hash({ ports: [port(80, 2)] }), first);
  assert.notEqual(hash({ env: ['SERVICE_CHECK_TCP=1'] }), first);
  assert.notEqual(hash({ id: idOf('y') }), first);
  const ab = hash({ env: ['SERVICE_A=1', 'SERVICE_B=2'] });
  assert.equal(hash({ env: ['SERVICE_B=2', 'SERVICE_A=1'] }), ab);
});

const docker: readonly (readonly [
  name: string,
  parts: Partial<ContainerSnapshot>,
  status: string,
  output: string,
])[] = [
  ['no HEALTHCHECK', {}, 'passing', 'container is running'],
  ['starting', { health: 'starting' }, 'critical', 'starting'],
  [
    'starting, with a wish',
    { health: 'starting', env: ['SERVICE_CHECK_INITIAL_STATUS=warning'] },
    'warning',
    'starting',
  ],
  ['healthy', { health: 'healthy', healthOutput: 'ok\n' }, 'passing', 'ok'],
  ['unhealthy', { health: 'unhealthy', healthOutput: 'refused\n' }, 'critical', 'refused'],
  ['paused', { state: 'paused', health: 'healthy' }, 'critical', 'container is paused'],
];

test("Docker's word on a container is a check of each of its services", () => {
  for (const [name, parts, status, output] of docker) {
    const [service] = desire({ ports: [port(80, 1)], ...parts }).services;
    assert.deepEqual(service!.docker, { checkId: 'service:vm:x:80:docker', status, output }, name);
    const check = service!.registration.checks.at(-1)!;
    assert.deepEqual(
      [check.id, check.status, check.kind],
      ['service:vm:x:80:docker', status, { type: 'docker' }],
      name,
    );
  }
});
