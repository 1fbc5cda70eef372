import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { ManualClock } from '../lib/clock.testkit.ts';
import { testCertificate, testKey } from './certificate.testkit.ts';
import { DockerError, type ContainerEvent } from './docker.ts';
import { DockerEngine, type EngineOptions } from './engine.ts';
import { parseEngineHost } from './engine-host.ts';
import { EngineServer } from './engine-server.testkit.ts';

const { signal } = new AbortController();

async function withEngine(
  play: (server: EngineServer, engine: DockerEngine, clock: ManualClock) => Promise<void>,
  options: Partial<EngineOptions> = {},
): Promise<void> {
  const server = await EngineServer.open();
  const clock = new ManualClock();
  const host = parseEngineHost(`unix://${server.socketPath}`, {});
  const engine = new DockerEngine({ host, ...options }, { clock });
  try {
    await play(server, engine, clock);
  } finally {
    await engine.close();
    await server.close();
  }
}

async function until(holds: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !holds(); i++) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.ok(holds());
}

function failsWith(code: string, text: RegExp): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof DockerError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    return true;
  };
}

test('the newest version that both sides know is spoken', async () => {
  for (const [theirs, spoken] of [
    ['1.24', '1.24'],
    ['1.41', '1.41'],
    ['1.99', '1.52'],
  ] as const) {
    await withEngine(async (server, engine) => {
      server.handlers.set('/_ping', (_, response) =>
        response.writeHead(200, { 'Api-Version': theirs }).end('OK'),
      );
      assert.deepEqual(await engine.info(signal), { id: 'ABCD', name: 'host', apiVersion: spoken });
      assert.deepEqual(server.requests, ['/_ping', `/v${spoken}/info`]);
    });
  }
});

test('the stream begins at the time of the engine and asks for what moves services only', async () => {
  await withEngine(async (server, engine) => {
    await engine.info(signal);
    const stop = new AbortController();
    await engine.subscribe(() => {}, stop.signal);
    const query = new URLSearchParams(server.requests.at(-1)!.split('?')[1]);
    assert.equal(query.get('since'), '1795375866.765328688');
    const filters = JSON.parse(query.get('filters')!) as { type: string[]; event: string[] };
    assert.deepEqual(filters.type, ['container', 'network']);
    assert.ok(filters.event.includes('health_status') && !filters.event.includes('exec_create'));
    stop.abort();
  });
});

test('events come out whole however they are cut, and only those of containers', async () => {
  await withEngine(async (server, engine) => {
    await engine.info(signal);
    const events: ContainerEvent[] = [];
    const { ended } = await engine.subscribe((event) => events.push(event), signal);
    const lines = [
      {
        Type: 'container',
        Action: 'start',
        Actor: { ID: 'c1', Attributes: { name: 'é' } },
        timeNano: 1_795_375_866_765_328_640,
      },
      { Type: 'container', Action: 'health_status: healthy', Actor: { ID: 'c1', Attributes: {} }, time: 7 },
      { Type: 'container', Action: 'exec_create: sh -c true', Actor: { ID: 'c1', Attributes: {} }, time: 7 },
      {
        Type: 'network',
        Action: 'disconnect',
        Actor: { ID: 'n1', Attributes: { container: 'c2' } },
        time: 8,
      },
      { Type: 'image', Action: 'pull', Actor: { ID: 'i1', Attributes: {} }, time: 8 },
      { Type: 'container', Action: 'died', status: 'died', id: 'c3', time: 9 },
    ];
    const bytes = Buffer.from(lines.map((line) => `${JSON.stringify(line)}\n`).join(''));
    for (let i = 0; i < bytes.length; i += 7) server.streams[0]!.write(bytes.subarray(i, i + 7));
    await until(() => events.length >= 4);
    assert.deepEqual(
      events.map(({ containerId, action }) => `${containerId} ${action}`),
      ['c1 start', 'c1 health_status', 'c2 disconnect', 'c3 die'],
    );
    assert.equal(events[0]!.attributes['name'], 'é');
    assert.ok(Math.abs(events[0]!.timeMs - 1_795_375_866_765.3286) < 0.01);
    assert.equal(events[3]!.timeMs, 9000);
    server.streams[0]!.end();
    assert.match((await ended).message, /ended its event stream/);
  });
});

test('a stream that is cut, aborted or no JSON ends', async () => {
  await withEngine(async (server, engine) => {
    await engine.info(signal);
    const cut = await engine.subscribe(() => {}, signal);
    server.streams[0]!.destroy();
    assert.ok((await cut.ended) instanceof DockerError);
    const stop = new AbortController();
    const aborted = await engine.subscribe(() => {}, stop.signal);
    stop.abort();
    assert.ok((await aborted.ended) instanceof Error);
    const bad = await engine.subscribe(() => {}, signal);
    server.streams[2]!.write('hello\n');
    failsWith('protocol', /no JSON/)(await bad.ended);
  });
});

test('a silent engine that stops answering pings ends the stream', async () => {
  await withEngine(
    async (server, engine, clock) => {
      await engine.info(signal);
      const { ended } = await engine.subscribe(() => {}, signal);
      let isOver = false;
      void ended.then(() => (isOver = true));
      await clock.advance(1000);
      await new Promise((resolve) => setTimeout(resolve, 50));
      assert.equal(isOver, false);
      server.handlers.set('/_ping', (_, response) => response.destroy());
      for (let i = 0; i < 4 && !isOver; i++) {
        await clock.advance(1000);
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
      assert.ok(isOver);
    },
    { pingMs: 1000 },
  );
});

const inspected = {
  Id: 'c1',
  Name: '/web',
  State: {
    Status: 'running',
    Running: true,
    ExitCode: 0,
    StartedAt: '2026-11-22T19:23:17.317396604Z',
    Health: { Status: 'unhealthy', Log: [{ Output: 'first' }, { Output: 'last' }] },
  },
  HostConfig: { NetworkMode: 'default' },
  Config: {
    Image: 'a/web:1',
    Env: ['A=1'],
    Labels: { l: 'v' },
    Hostname: 'h',
    ExposedPorts: { '81/tcp': {}, '9/udp': {} },
  },
  NetworkSettings: {
    Ports: {
      '80/tcp': [
        { HostIp: '0.0.0.0', HostPort: '33107' },
        { HostIp: '::', HostPort: '33105' },
      ],
      '81/tcp': null,
    },
    Networks: { bridge: { NetworkID: 'n', IPAddress: '172.17.0.2', GlobalIPv6Address: '', GwPriority: 3 } },
  },
};

test('a container is cut down to what services need', async () => {
  await withEngine(async (server, engine) => {
    await engine.info(signal);
    server.json('/containers/c1/json', inspected);
    assert.deepEqual(await engine.inspect('c1', signal), {
      id: 'c1',
      name: 'web',
      image: 'a/web:1',
      state: 'running',
      health: 'unhealthy',
      healthOutput: 'last',
      networkMode: 'default',
      networks: [{ name: 'bridge', id: 'n', ipv4: '172.17.0.2', ipv6: '', gatewayPriority: 3 }],
      ports: [
        { port: 9, protocol: 'udp', bindings: [] },
        {
          port: 80,
          protocol: 'tcp',
          bindings: [
            { hostIp: '0.0.0.0', hostPort: 33107 },
            { hostIp: '::', hostPort: 33105 },
          ],
        },
        { port: 81, protocol: 'tcp', bindings: [] },
      ],
      env: ['A=1'],
      labels: { l: 'v' },
      hostname: 'h',
      stopSignal: 'SIGTERM',
      exitCode: 0,
      startedAt: '2026-11-22T19:23:17.317396604Z',
    });
    assert.equal(await engine.inspect('gone', signal), undefined);
    const state = { ...inspected.State, Running: true, Restarting: true, Status: 'restarting' };
    server.json('/containers/c1/json', { ...inspected, State: state });
    assert.equal((await engine.inspect('c1', signal))?.state, 'restarting');
    server.json('/containers/c1/json', {
      Id: 'c1',
      State: { Running: true },
      Config: { Env: null },
      NetworkSettings: null,
    });
    const bare = await engine.inspect('c1', signal);
    assert.deepEqual([bare?.state, bare?.health, bare?.ports, bare?.env], ['running', 'none', [], []]);
  });
});

test('a list shows what moved and no clock', async () => {
  const row = {
    Id: 'c1',
    Names: ['/web'],
    State: 'running',
    Status: 'Up 3 minutes (healthy)',
    Ports: [{ PublicPort: 1 }],
  };
  const print = async (body: unknown): Promise<string> => {
    let found = '';
    await withEngine(async (server, engine) => {
      await engine.info(signal);
      server.json('/containers/json', [body]);
      found = (await engine.list(signal))[0]!.fingerprint;
    });
    return found;
  };
  const first = await print(row);
  assert.equal(await print({ ...row, Status: 'Up 4 minutes (healthy)' }), first);
  for (const change of [
    { Status: 'Up 4 minutes (unhealthy)' },
    { Ports: [{ PublicPort: 2 }] },
    { Names: ['/x'] },
    { State: 'paused' },
  ]) {
    assert.notEqual(await print({ ...row, ...change }), first);
  }
});

test('whatever is wrong with the engine is said in words that help', async () => {
  const at = (path: string): DockerEngine => new DockerEngine({ host: parseEngineHost(path, {}) });
  await assert.rejects(
    at('unix:///nowhere/d.sock').info(signal),
    failsWith('absent', /no Docker socket at \/nowhere\/d.sock/),
  );
  await assert.rejects(
    at('tcp://127.0.0.1:1').info(signal),
    failsWith('absent', /nothing listens on tcp:\/\/127.0.0.1:1/),
  );
  const folder = mkdtempSync(join(tmpdir(), 'portolan-nosock-'));
  try {
    writeFileSync(join(folder, 'file'), '');
    await assert.rejects(at(`unix://${folder}/file`).info(signal), failsWith('absent', /nothing listens/));
  } finally {
    rmSync(folder, { recursive: true });
  }
  await withEngine(async (server, engine) => {
    server.json(
      '/info',
      { message: 'client version 1.41 is too old. Minimum supported API version is 1.44' },
      400,
    );
    await assert.rejects(
      engine.info(signal),
      failsWith('protocol', /answered 400 to \/info: client version 1.41 is too old/),
    );
    server.handlers.set('/_ping', (_, response) => response.end('hello'));
    await assert.rejects(engine.info(signal), failsWith('protocol', /no Api-Version/));
  });
});

test('who may not use the socket is told how to', {
  skip: process.getuid?.() !== 0 && 'needs root',
}, async () => {
  await withEngine(async (server, engine) => {
    chmodSync(server.socketPath, 0o600);
    const { seteuid } = process;
    seteuid?.call(process, 65_534);
    try {
      await assert.rejects(
        engine.info(signal),
        failsWith('permission', /permission denied.*usermod -aG docker/),
      );
    } finally {
      seteuid?.call(process, 0);
    }
  });
});

test('what does not speak HTTP is no Docker', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-raw-'));
  const server = createServer((socket) => socket.end('220 mail ready\r\n'));
  await new Promise<void>((resolve) => server.listen(join(folder, 's'), resolve));
  try {
    const engine = new DockerEngine({ host: parseEngineHost(`unix://${folder}/s`, {}) });
    await assert.rejects(engine.info(signal), failsWith('protocol', /does not answer as Docker does/));
    await engine.close();
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});

test('an inspect that hangs is given up, and others go on beside it', async () => {
  await withEngine(
    async (server, engine) => {
      await engine.info(signal);
      server.handlers.set('/containers/hung/json', () => {});
      server.json('/containers/c1/json', inspected);
      const hung = engine.inspect('hung', signal);
      assert.equal((await engine.inspect('c1', signal))?.name, 'web');
      await assert.rejects(hung, failsWith('timeout', /did not answer in time/));
    },
    { inspectTimeoutMs: 100 },
  );
});

test('Podman is asked without names of events, which older ones refuse', async () => {
  await withEngine(async (server, engine) => {
    const headers = { 'Api-Version': '1.41', 'Libpod-API-Version': '4.3.1' };
    server.handlers.set('/_ping', (_, response) => response.writeHead(200, headers).end('OK'));
    await engine.info(signal);
    const stop = new AbortController();
    await engine.subscribe(() => {}, stop.signal);
    assert.match(decodeURIComponent(server.requests.at(-1)!), /filters=\{"type":\["container"\]\}$/);
    stop.abort();
  });
});

test('over TCP with TLS both sides are checked', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-tls-'));
  const options = { key: testKey, cert: testCertificate, ca: testCertificate, requestCert: true };
  const server = createTlsServer(options, (request, response) => {
    response.writeHead(200, { 'Api-Version': '1.41' });
    response.end(request.url === '/_ping' ? 'OK' : '{"ID":"TLS"}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const info = async (env: Record<string, string>): Promise<string> => {
    const engine = new DockerEngine({ host: parseEngineHost(`tcp://127.0.0.1:${port}`, env) });
    try {
      return (await engine.info(signal)).id;
    } finally {
      await engine.close();
    }
  };
  try {
    const own = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder };
    for (const name of ['ca.pem', 'cert.pem']) writeFileSync(join(folder, name), testCertificate);
    writeFileSync(join(folder, 'key.pem'), testKey);
    assert.equal(await info(own), 'TLS');
    await assert.rejects(info({ DOCKER_TLS_VERIFY: '1' }), failsWith('protocol', /self-signed certificate/));
    await assert.rejects(info({}), DockerError);
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});
