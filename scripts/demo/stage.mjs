/** What the demo runs on: a Docker daemon, an nginx and a Portolan of its own, in one folder that goes with them. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { TestDockerd } from '../../dist/test/docker/dockerd.testkit.js';
import { freePorts, freeTcpPort, until } from '../../dist/test/e2e/agent.testkit.js';
import { root } from '../lib/setup.mjs';
import { readReloads, reloadScript } from './witness.mjs';

const template = `# Written by Portolan.
upstream app {
{{- range service "app" }}
  server {{ .Address }}:{{ .Port }}; # {{ .ID }}
{{- else }}
  server 127.0.0.1:1 down;
{{- end }}
}
`;
/** What the template gives when nothing runs. */
const nobody = '# Written by Portolan.\nupstream app {\n  server 127.0.0.1:1 down;\n}\n';

/** Answers its own name. Told to stop, it takes no new connection and lets those that it has end. */
const app =
  'echo "$APP" > /www/index.html; httpd -f -p 80 -h /www & trap "kill $!; sleep 0.1; exit 0" TERM; wait';

export class Stage {
  folder = mkdtempSync(join(tmpdir(), 'portolan-demo-'));
  dockerd;
  ports;
  nginxPort;
  upstreamFile = join(this.folder, 'app.conf');
  /** Rejects when nginx or Portolan ends before it is told to. */
  failed;
  #fail;
  #isClosing = false;
  #reloads = join(this.folder, 'reloads');
  #nginx;
  #agent;
  #agentLog = '';
  /** A process that ends without close() takes its own along. */
  #onExit = () => this.#kill();

  constructor() {
    // nginx's workers are somebody else.
    chmodSync(this.folder, 0o755);
    process.once('exit', this.#onExit);
    this.failed = new Promise((_, reject) => (this.#fail = reject));
    this.failed.catch(() => {});
  }

  async openDocker() {
    this.dockerd = await TestDockerd.open();
  }

  async openNginx() {
    this.nginxPort = await freeTcpPort();
    const config = join(this.folder, 'nginx.conf');
    writeFileSync(this.upstreamFile, nobody);
    writeFileSync(config, nginxConfig(this.folder, this.nginxPort));
    this.#nginx = spawn('/usr/sbin/nginx', [...this.#nginxArgs(), '-g', 'daemon off;'], ownGroup);
    this.#watch('nginx', this.#nginx);
    const pidFile = join(this.folder, 'nginx.pid');
    const isUp = () => (existsSync(pidFile) && readFileSync(pidFile, 'utf8').trim() !== '') || undefined;
    await until(isUp, 5000, () => 'nginx did not start');
  }

  async openPortolan() {
    this.ports = await freePorts();
    const script = join(this.folder, 'reload.sh');
    const nginx = ['/usr/sbin/nginx', ...this.#nginxArgs()].join(' ');
    const text = reloadScript({ nginx, upstreamFile: this.upstreamFile, log: this.#reloads });
    writeFileSync(script, text, { mode: 0o755 });
    writeFileSync(join(this.folder, 'app.ctmpl'), template);
    const ports = [`-http-port=${this.ports.http}`, `-dns-port=${this.ports.dns}`];
    const docker = `-docker-host=${this.dockerd.host}`;
    const watched = `-template=${join(this.folder, 'app.ctmpl')}:${this.upstreamFile}:${script}`;
    const args = ['agent', '-dev', '-node=demo', '-advertise=127.0.0.1', ...ports, docker, watched];
    this.#agent = spawn(join(root, 'bin/portolan'), args, ownGroup);
    for (const stream of [this.#agent.stdout, this.#agent.stderr]) {
      stream.on('data', (chunk) => (this.#agentLog += chunk));
    }
    this.#watch('Portolan', this.#agent);
    const isReady = () => this.#agentLog.includes('agent is ready') || undefined;
    await until(isReady, 20_000, () => 'Portolan is not ready');
    return args;
  }

  reloads() {
    return readReloads(this.#reloads);
  }

  /** docker run -d -P -e SERVICE_NAME=app -e APP=NAME --name NAME IMAGE */
  async runApp(name) {
    const docker = this.dockerd.api;
    await docker.call('POST', `/containers/create?name=${name}`, {
      Image: this.dockerd.image,
      Cmd: ['sh', '-c', app],
      Env: ['SERVICE_NAME=app', `APP=${name}`],
      ExposedPorts: { '80/tcp': {} },
      HostConfig: { PublishAllPorts: true },
    });
    await docker.start(name);
  }

  /** docker stop NAME && docker rm NAME */
  async stopApp(name) {
    await this.dockerd.api.call('POST', `/containers/${name}/stop?t=5`);
    await this.dockerd.api.remove(name);
  }

  /** The program's own command, as a person would type it. */
  async portolan(...args) {
    const all = [...args, `-http-addr=127.0.0.1:${this.ports.http}`];
    return (await promisify(execFile)(join(root, 'bin/portolan'), all)).stdout;
  }

  /** The ends of the logs, for whoever asks why. */
  log() {
    return `portolan:\n${this.#agentLog.slice(-3000)}\nnginx:\n${this.#read('nginx.log').slice(-2000)}`;
  }

  /** Ends and removes everything, in the order in which nothing new appears. */
  async close() {
    this.#isClosing = true;
    await end(this.#agent);
    await end(this.#nginx);
    await this.dockerd?.close();
    rmSync(this.folder, { recursive: true, force: true });
    process.removeListener('exit', this.#onExit);
  }

  #kill() {
    this.#agent?.kill('SIGKILL');
    // nginx's master ends its workers.
    this.#nginx?.kill('SIGTERM');
    rmSync(this.folder, { recursive: true, force: true });
  }

  #watch(name, child) {
    child.once('error', (error) => this.#fail(error));
    child.once('exit', (code, signal) => {
      if (!this.#isClosing) this.#fail(new Error(`${name} ended by itself (${signal ?? code})`));
    });
  }

  #nginxArgs() {
    return ['-q', '-p', this.folder, '-c', join(this.folder, 'nginx.conf')];
  }

  #read(name) {
    const path = join(this.folder, name);
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }
}

/** Out of the terminal's group: Ctrl-C is for the demo, which ends its own in order. */
const ownGroup = { detached: true, stdio: ['ignore', 'pipe', 'pipe'] };

/** nginx as it comes: a failed server is passed over for the next one (proxy_next_upstream error timeout). */
function nginxConfig(folder, port) {
  return `pid ${folder}/nginx.pid;
error_log ${folder}/nginx.log warn;
worker_processes 2;
events { worker_connections 512; }
http {
  access_log off;
  client_body_temp_path ${folder}/body;
  proxy_temp_path ${folder}/proxy;
  fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi;
  scgi_temp_path ${folder}/scgi;
  include ${folder}/app.conf;
  server {
    listen 127.0.0.1:${port};
    location / { proxy_pass http://app; }
  }
}
`;
}

async function end(child) {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
  await ended;
  clearTimeout(timer);
}
