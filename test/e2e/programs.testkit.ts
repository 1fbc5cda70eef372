/** Real programs that ready-made templates are for: each in the foreground, on its own ports, below one folder. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { until } from './agent.testkit.ts';

/** How a program is set up for a test: what its configuration is, and what the shipped stanza is told instead of its paths. */
export interface Program {
  readonly name: string;
  readonly binary: string;
  readonly port: number;
  /** The file that the template becomes. */
  readonly destination: string;
  /** Paths and commands of the shipped stanza, and those of this test. */
  readonly edits: readonly (readonly [string, string])[];
  /** Settings that the template reads from the KV store. */
  readonly kv: Readonly<Record<string, string>>;
  readonly args: readonly string[];
  /** Added to the environment. */
  readonly env?: Readonly<Record<string, string>>;
}

type Setup = (folder: string, port: number) => Program;

export const programs: Readonly<Record<string, Setup>> = {
  nginx,
  haproxy,
  caddy,
  apache,
  varnish,
  prometheus,
};

function nginx(folder: string, port: number): Program {
  const destination = join(folder, 'portolan.conf');
  const config = join(folder, 'nginx.conf');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
  const paths = temporary.map((name) => `${name}_temp_path ${folder}/${name};`).join('\n  ');
  writeFileSync(
    config,
    `user root;
worker_processes 2;
pid ${folder}/pid;
error_log ${folder}/log;
events { worker_connections 512; }
http {
  access_log off;
  ${paths}
  include ${destination};
}
`,
  );
  const binary = '/usr/sbin/nginx';
  const self = `${binary} -p ${folder} -c ${config}`;
  return {
    name: 'nginx',
    binary,
    port,
    destination,
    edits: [
      ['/etc/nginx/conf.d/portolan.conf', destination],
      ['"nginx -q -t"', `"${self} -q -t"`],
      ['"nginx -s reload"', `"${self} -s reload"`],
    ],
    kv: { 'proxy/nginx/listen': `127.0.0.1:${port}` },
    args: ['-p', folder, '-c', config, '-g', 'daemon off;'],
  };
}

function haproxy(folder: string, port: number): Program {
  const destination = join(folder, 'portolan.cfg');
  const config = join(folder, 'haproxy.cfg');
  const pid = join(folder, 'pid');
  writeFileSync(config, 'global\n  maxconn 512\n');
  const binary = '/usr/sbin/haproxy';
  return {
    name: 'haproxy',
    binary,
    port,
    destination,
    edits: [
      ['/etc/haproxy/portolan.cfg', destination],
      ['"haproxy -c -q -f /etc/haproxy/haproxy.cfg', `"${binary} -c -q -f ${config}`],
      ['/run/haproxy.pid', pid],
    ],
    kv: { 'proxy/haproxy/bind': `127.0.0.1:${port}` },
    args: ['-W', '-f', config, '-f', destination, '-p', pid],
  };
}

function caddy(folder: string, port: number): Program {
  const destination = join(folder, 'portolan.caddy');
  const config = join(folder, 'Caddyfile');
  writeFileSync(
    config,
    `{
	admin unix/${folder}/admin
	default_bind 127.0.0.1
}
import ${destination}
`,
  );
  const binary = '/usr/bin/caddy';
  // It keeps its certificates and last configuration in a home.
  const env = { XDG_CONFIG_HOME: join(folder, 'config'), XDG_DATA_HOME: join(folder, 'data') };
  const own = Object.entries(env)
    .map(([key, value]) => `${key}=${value}`)
    .join(' ');
  return {
    name: 'caddy',
    binary,
    port,
    destination,
    edits: [
      ['/etc/caddy/portolan.caddy', destination],
      ['/etc/caddy/Caddyfile', config],
      ['"caddy validate', `"${own} ${binary} validate`],
      ['"caddy reload', `"${own} ${binary} reload`],
    ],
    kv: { 'proxy/caddy/port': String(port) },
    env,
    args: ['run', '--adapter', 'caddyfile', '--config', config],
  };
}

function apache(folder: string, port: number): Program {
  const destination = join(folder, 'portolan.conf');
  const config = join(folder, 'apache.conf');
  const modules = [
    'mpm_event',
    'authz_core',
    'alias',
    'headers',
    'proxy',
    'proxy_http',
    'slotmem_shm',
    'proxy_balancer',
    'lbmethod_byrequests',
  ].map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so\n`);
  writeFileSync(
    config,
    `${modules.join('')}ServerRoot ${folder}
ServerName localhost
DefaultRuntimeDir ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/log
User www-data
Group www-data
Listen 127.0.0.1:${port}
Include ${destination}
`,
  );
  const binary = '/usr/sbin/apache2';
  const self = `${binary} -d ${folder} -f ${config}`;
  return {
    name: 'apache',
    binary,
    port,
    destination,
    edits: [
      ['/etc/apache2/conf-enabled/portolan.conf', destination],
      ['apache2ctl configtest', `${self} -t`],
      ['apache2ctl graceful', `${self} -k graceful`],
    ],
    kv: { 'proxy/apache/vhost': `127.0.0.1:${port}` },
    args: ['-d', folder, '-f', config, '-DFOREGROUND'],
  };
}

function varnish(folder: string, port: number): Program {
  const destination = join(folder, 'portolan.vcl');
  const work = join(folder, 'work');
  return {
    name: 'varnish',
    binary: '/usr/sbin/varnishd',
    port,
    destination,
    edits: [
      ['"/etc/varnish/portolan.vcl"', `"${destination}"`],
      ['varnishreload -m 3 /etc/varnish/portolan.vcl', `varnishreload -n ${work} -m 3 ${destination}`],
      ['varnishd -C', '/usr/sbin/varnishd -C'],
    ],
    kv: {},
    args: ['-F', '-j', 'none', '-n', work, '-a', `127.0.0.1:${port}`, '-s', 'malloc,16m', '-f', destination],
  };
}

function prometheus(folder: string, port: number): Program {
  const destination = join(folder, 'portolan.yml');
  const config = join(folder, 'prometheus.yml');
  writeFileSync(
    config,
    `global: { scrape_interval: 1s }
scrape_configs:
  - job_name: services
    file_sd_configs:
      - files: [${destination}]
`,
  );
  return {
    name: 'prometheus',
    binary: '/usr/bin/prometheus',
    port,
    destination,
    edits: [
      ['/etc/prometheus/portolan.yml', destination],
      ['promtool check config /etc/prometheus/prometheus.yml', `/usr/bin/promtool check config ${config}`],
    ],
    kv: {},
    args: [
      `--config.file=${config}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
  };
}

/** Why a program can't be run here, for a test's `skip`. */
export function missingProgram(binaries: readonly string[]): string | undefined {
  const absent = binaries.filter((binary) => !existsSync(binary));
  return absent.length === 0 ? undefined : `needs ${absent.join(', ')} (apt)`;
}

/** Prepares a program below `folder`; `Running` starts it once its file is there. */
export function prepare(name: string, folder: string, port: number): Program {
  mkdirSync(folder, { recursive: true });
  return programs[name]!(folder, port);
}

export class Running {
  readonly program: Program;
  readonly #process: ChildProcess;
  #output = '';
  // Masters take their workers along.
  readonly #onExit = (): void => void this.#process.kill('SIGTERM');

  private constructor(program: Program) {
    this.program = program;
    this.#process = spawn(program.binary, program.args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...program.env },
    });
    for (const stream of [this.#process.stdout, this.#process.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#output += chunk.toString()));
    process.once('exit', this.#onExit);
  }

  /** Resolves when its port takes connections. */
  static async start(program: Program): Promise<Running> {
    const running = new Running(program);
    await until(
      async () => ((await accepts(program.port)) ? true : undefined),
      15_000,
      () => `${program.name} does not listen:\n${running.log()}`,
    );
    return running;
  }

  /** What it printed, and its error log. */
  log(): string {
    const file = join(this.program.destination, '..', 'log');
    return this.#output + (existsSync(file) ? readFileSync(file, 'utf8') : '');
  }

  async close(): Promise<void> {
    process.removeListener('exit', this.#onExit);
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
