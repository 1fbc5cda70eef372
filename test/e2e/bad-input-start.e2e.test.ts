/** What keeps an agent from starting: it ends with code 1 and says the field, the value and what to do, and nothing is lost. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createSocket } from 'node:dgram';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { freePorts, program, startAgent, until } from './agent.testkit.ts';
import { portolan, scratchFolder, stackTrace } from './command.testkit.ts';

const isRoot = process.getuid?.() === 0;
const nobody = 65534;

interface Refusal {
  readonly name: string;
  /** `folder` is a scratch folder of the case. */
  readonly args: (folder: string) => readonly string[];
  readonly prepare?: (folder: string) => void;
  readonly want: RegExp;
  readonly env?: Readonly<Record<string, string>>;
}

const file =
  (name: string, text: string) =>
  (folder: string): void =>
    writeFileSync(join(folder, name), text);

const refusals: readonly Refusal[] = [
  {
    name: 'an unknown key',
    prepare: file('a.hcl', 'datacenter = "dc1"\nports {\n  htpp = 1\n}\n'),
    args: (folder) => [`-config-file=${folder}/a.hcl`],
    want: /a\.hcl:3:3: invalid config key ports\.htpp: did you mean http\?/,
  },
  {
    name: 'a value of the wrong kind, also where a flag overrides it',
    prepare: file('a.json', '{"ports": {"http": "abc"}}'),
    args: (folder) => [`-config-file=${folder}/a.json`],
    want: /a\.json:1:20: ports\.http: "abc" is not a whole number from -1 to 65535/,
  },
  {
    name: 'a file that is not there',
    args: (folder) => [`-config-file=${folder}/none.hcl`],
    want: /none\.hcl: no such file or directory/,
  },
  {
    name: 'an unknown flag',
    args: () => ['-htp-port=1'],
    want: /unknown option '--htp-port=1'|unknown option '--htp-port'/,
  },
  {
    name: 'an address of another host',
    args: () => ['-client=203.0.113.9'],
    want: /203\.0\.113\.9 port \d+: this host has no such address; choose one with -client/,
  },
  {
    name: 'a variable of the environment',
    env: { PORTOLAN_LOG_LEVEL: 'loud' },
    args: () => [],
    want: /environment variable PORTOLAN_LOG_LEVEL: log_level: "loud" is not one of/,
  },
  {
    name: 'a Docker address that is none',
    args: () => ['-docker-host=garbage', '--registrar=true'],
    want: /registrar\.docker_host: Docker address "garbage": use unix:\/\/\/path, tcp:\/\/host:port .*-docker-host/,
  },
  {
    name: 'access control',
    args: () => ['-hcl=acl { enabled = true }'],
    want: /acl: access control is not built yet/,
  },
  {
    name: 'a template that is not there',
    args: (folder) => [`-template=${folder}/none.ctmpl:${folder}/out`],
    want: /template \S+none\.ctmpl: no such file or directory; name a file/,
  },
  {
    name: 'a template owner whom nobody knows',
    prepare: file('a.ctmpl', ''),
    args: (folder) => [
      `-hcl=template { source = "${folder}/a.ctmpl" destination = "${folder}/b" user = "no-such-one" }`,
    ],
    want: /there is no user "no-such-one" in \/etc\/passwd/,
  },
  {
    name: 'a log file in no directory',
    args: (folder) => [`-log-file=${folder}/none/log`],
    want: /log_file \S+none\/log: no such file or directory; choose another with -log-file/,
  },
  {
    name: 'a pid file in no directory',
    args: (folder) => [`-pid-file=${folder}/none/pid`],
    want: /pid_file \S+none\/pid: no such file or directory; choose another with -pid-file/,
  },
];

// Most of a case is a program that starts, or Docker that is waited for.
describe('start', { concurrency: 4 }, () => {
  for (const { name, args, prepare, want, env } of refusals) {
    test(`an agent does not start with ${name}, and says why`, async (t) => {
      const folder = scratchFolder(t);
      prepare?.(folder);
      const { http, dns } = await freePorts();
      const flags = ['-dev', '-node=e2e', '-advertise=127.0.0.1', `-http-port=${http}`, `-dns-port=${dns}`];
      const ended = await portolan(
        ['agent', ...flags, '--registrar=false', ...args(folder)],
        env === undefined ? {} : { env },
      );
      assert.equal(ended.code, 1, ended.err);
      assert.match(ended.err, want);
      assert.doesNotMatch(ended.err, stackTrace);
    });
  }

  // ---- the data directory ----

  const agentOn = async (dataDir: string): Promise<readonly string[]> => {
    const { http, dns } = await freePorts();
    const ports = [`-http-port=${http}`, `-dns-port=${dns}`];
    return [
      'agent',
      '-node=e2e',
      '-advertise=127.0.0.1',
      ...ports,
      '--registrar=false',
      `-data-dir=${dataDir}`,
    ];
  };

  const directories: readonly { name: string; prepare: (path: string) => void; want: RegExp }[] = [
    {
      name: 'that holds something else',
      prepare: (path) => {
        mkdirSync(path);
        writeFileSync(join(path, 'letter.txt'), 'dear');
      },
      want: /is not a data directory of Portolan, and it is not empty \(letter\.txt\)\. Give an empty directory/,
    },
    {
      name: 'of a newer format',
      prepare: (path) => {
        mkdirSync(path);
        writeFileSync(join(path, 'VERSION'), '9\n');
      },
      want: /have format 9; this Portolan knows formats up to 1\. Use a newer Portolan/,
    },
    {
      name: 'that is a file',
      prepare: (path) => writeFileSync(path, 'x'),
      want: /data directory \S+ can't be used/,
    },
  ];

  for (const { name, prepare, want } of directories) {
    test(`a data directory ${name} is refused and left as it is`, async (t) => {
      const path = join(scratchFolder(t), 'data');
      prepare(path);
      const before = contents(path);
      const ended = await portolan(await agentOn(path));
      assert.equal(ended.code, 1, ended.err);
      assert.match(ended.err, want);
      assert.doesNotMatch(ended.err, stackTrace);
      assert.deepEqual(contents(path), before);
    });
  }

  function contents(path: string): readonly string[] {
    if (!statSync(path).isDirectory()) return [readFileSync(path, 'utf8')];
    return readdirSync(path).map((name) => `${name}: ${readFileSync(join(path, name), 'utf8')}`);
  }

  test('a data directory in use is refused with the pid of its holder, who notices nothing', async (t) => {
    const dataDir = join(scratchFolder(t), 'data');
    const holder = await startAgent({ dataDir });
    try {
      await fetch(`${holder.url}/v1/kv/held`, { method: 'PUT', body: 'yes' });
      const ended = await portolan(await agentOn(dataDir));
      assert.equal(ended.code, 1, ended.err);
      assert.match(
        ended.err,
        new RegExp(`is in use by the process with pid ${holder.pid}\\. Stop it, or choose another`),
      );
      assert.equal(await (await fetch(`${holder.url}/v1/kv/held?raw`)).text(), 'yes');
    } finally {
      await holder.stop();
    }
  });

  test('a data directory of another user is refused, and stays readable for its owner', {
    skip: !isRoot && 'needs root',
  }, async (t) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'portolan-e2e-'));
    t.after(() => rmSync(dataDir, { recursive: true, force: true }));
    const data = join(dataDir, 'data');
    const owner = await startAgent({ dataDir: data });
    await fetch(`${owner.url}/v1/kv/mine`, { method: 'PUT', body: 'yes' });
    await owner.stop();
    chmodSync(dataDir, 0o755);
    const ended = await asNobody(await agentOn(data));
    assert.equal(ended.code, 1, ended.err);
    assert.match(
      ended.err,
      /data directory \S+ can't be written \(EACCES\)\. Change its owner, or choose another directory/,
    );
    assert.doesNotMatch(ended.err, stackTrace);
    const again = await startAgent({ dataDir: data });
    assert.equal(await (await fetch(`${again.url}/v1/kv/mine?raw`)).text(), 'yes');
    await again.stop();
  });

  function asNobody(args: readonly string[]): Promise<{ code: number; err: string }> {
    const child = spawn(process.execPath, [program, ...args], {
      uid: nobody,
      gid: nobody,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let err = '';
    child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000);
    return once(child, 'close').then(([code]) => {
      clearTimeout(timer);
      return { code: (code as number | null) ?? -1, err };
    });
  }

  // ---- ports ----

  function listen(server: Server, port: number): Promise<void> {
    return new Promise((resolve) => server.listen(port, '127.0.0.1', () => resolve()));
  }

  test('a taken HTTP port is named with the flag that chooses another; data written before are there after', async (t) => {
    const dataDir = join(scratchFolder(t), 'data');
    const first = await startAgent({ dataDir });
    await fetch(`${first.url}/v1/kv/before`, { method: 'PUT', body: 'yes' });
    await first.stop();
    const ports = await freePorts();
    const taker = createServer();
    await listen(taker, ports.http);
    const flags = ['-node=e2e', '-advertise=127.0.0.1', '--registrar=false', `-data-dir=${dataDir}`];
    const refused = await portolan(['agent', ...flags, `-http-port=${ports.http}`, `-dns-port=${ports.dns}`]);
    taker.close();
    assert.equal(refused.code, 1, refused.err);
    assert.match(
      refused.err,
      new RegExp(`HTTP can't listen on 127\\.0\\.0\\.1 port ${ports.http}: the port is taken; .*-http-port`),
    );
    assert.doesNotMatch(refused.err, stackTrace);
    const again = await startAgent({ dataDir, ports });
    assert.equal(await (await fetch(`${again.url}/v1/kv/before?raw`)).text(), 'yes');
    await again.stop();
  });

  for (const protocol of ['tcp', 'udp'] as const) {
    test(`a DNS port whose ${protocol.toUpperCase()} side is taken is named with the flag that chooses another`, async () => {
      const ports = await freePorts();
      const udp = createSocket('udp4');
      const tcp = createServer();
      if (protocol === 'tcp') await listen(tcp, ports.dns);
      else await new Promise<void>((resolve) => udp.bind(ports.dns, '127.0.0.1', () => resolve()));
      const flags = ['-dev', '--registrar=false', `-http-port=${ports.http}`, `-dns-port=${ports.dns}`];
      const refused = await portolan(['agent', ...flags]);
      if (protocol === 'tcp') tcp.close();
      udp.close();
      assert.equal(refused.code, 1, refused.err);
      assert.match(
        refused.err,
        new RegExp(`${protocol} 127\\.0\\.0\\.1:${ports.dns}: the port is taken; .*-dns-port`),
      );
      assert.doesNotMatch(refused.err, stackTrace);
    });
  }

  // Containers may lower the limit.
  const lowest = Number(readFileSync('/proc/sys/net/ipv4/ip_unprivileged_port_start', 'utf8'));
  const noLowPorts = !isRoot ? 'needs root' : lowest <= 81 ? 'port 81 is open to everybody here' : false;

  test('ports below 1024 need a privilege, and the message says so', { skip: noLowPorts }, async () => {
    const { dns } = await freePorts();
    const flags = ['agent', '-dev', '--registrar=false', '-http-port=81'];
    const ended = await asNobody([...flags, `-dns-port=${dns}`]);
    assert.equal(ended.code, 1);
    assert.match(
      ended.err,
      /port 81: no permission; ports below 1024 need root, choose another with -http-port/,
    );
  });

  // ---- Docker ----

  /** Without Docker an agent waits 10 s for it before it calls itself ready; what it serves does not wait. */
  async function withoutDocker(dockerSocket: string, uid: number | undefined, want: RegExp): Promise<void> {
    const ports = await freePorts();
    const folder = mkdtempSync(join(tmpdir(), 'portolan-e2e-'));
    const args = [
      'agent',
      '-dev',
      `-docker-host=unix://${dockerSocket}`,
      `-http-port=${ports.http}`,
      `-dns-port=${ports.dns}`,
    ];
    const identity = uid === undefined ? {} : { uid, gid: uid };
    const child = spawn(process.execPath, [program, ...args], {
      ...identity,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let log = '';
    child.stderr.on('data', (chunk: Buffer) => (log += chunk.toString()));
    const exited = once(child, 'close');
    const startedAt = performance.now();
    try {
      await until(
        () => (want.test(log) ? true : undefined),
        5000,
        () => log,
      );
      const put = await fetch(`http://127.0.0.1:${ports.http}/v1/kv/early`, { method: 'PUT', body: 'x' });
      assert.equal(put.status, 200);
      assert.ok(performance.now() - startedAt < 6000, 'HTTP waits for Docker');
      await until(
        () => (log.includes('agent is ready') ? true : undefined),
        15_000,
        () => log,
      );
      assert.ok(performance.now() - startedAt < 13_000);
      assert.doesNotMatch(log, stackTrace);
      assert.equal(log.split('registrar:').length, 2, `it is said once:\n${log}`);
    } finally {
      child.kill('SIGTERM');
      const [code] = (await exited) as [number | null];
      rmSync(folder, { recursive: true });
      assert.equal(code, 0);
    }
  }

  test('Docker that is absent, or closed to this user, is named with what to do, and the agent goes on', async (t) => {
    const folder = scratchFolder(t);
    chmodSync(folder, 0o755);
    const closed = createServer();
    await new Promise<void>((resolve) => closed.listen(join(folder, 'docker.sock'), () => resolve()));
    chmodSync(join(folder, 'docker.sock'), 0o600);
    const absent = withoutDocker(
      join(folder, 'none.sock'),
      undefined,
      /no Docker socket at \S+: is Docker installed and running\?/,
    );
    const forbidden = isRoot
      ? withoutDocker(
          join(folder, 'docker.sock'),
          nobody,
          /permission denied on \S+: run as root, or add this user to the socket's group/,
        )
      : Promise.resolve();
    await Promise.all([absent, forbidden]);
    closed.close();
  });
});
