import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freeTcpPort, until } from './agent.testkit.ts';

const binary = '/usr/sbin/nginx';

/**
 * An nginx of a test's own: prefix, port, pid file and configuration below one folder; ended by pid. It balances over
 * the upstream of one included file, hides no failure of a server (proxy_next_upstream off), and asks each in turn.
 */
export class TestNginx {
  readonly port: number;
  /** What the template renders. */
  readonly upstreamFile: string;
  /** Judges the whole configuration, as a template's check. */
  readonly checkCommand: string;
  /** Reloads, and notes when that was done. */
  readonly reloadCommand: string;
  readonly #folder: string;
  readonly #config: string;
  readonly #reloadLog: string;
  #process: ChildProcess | undefined;
  readonly #onExit = (): void => void this.#process?.kill('SIGTERM');

  private constructor(folder: string, port: number) {
    this.#folder = folder;
    this.port = port;
    this.upstreamFile = join(folder, 'upstream.conf');
    this.#config = join(folder, 'nginx.conf');
    this.#reloadLog = join(folder, 'reloads');
    const self = `${binary} -q -p ${folder} -c ${this.#config}`;
    this.checkCommand = `${self} -t`;
    this.reloadCommand = `${self} -s reload && date +%s%3N >> ${this.#reloadLog}`;
  }

  /** Why nginx can't be run here, for a test's `skip`. */
  static missing(): string | undefined {
    return existsSync(binary) ? undefined : 'needs nginx (apt: nginx)';
  }

  static async open(folder: string): Promise<TestNginx> {
    mkdirSync(folder, { recursive: true });
    const nginx = new TestNginx(folder, await freeTcpPort());
    nginx.#configure();
    nginx.#process = spawn(binary, ['-p', folder, '-c', nginx.#config, '-g', 'daemon off;'], {
      stdio: 'ignore',
    });
    process.once('exit', nginx.#onExit);
    const pidFile = join(folder, 'nginx.pid');
    await until(
      () => (existsSync(pidFile) && readFileSync(pidFile, 'utf8').trim() !== '') || undefined,
      5000,
      () => `nginx did not start:\n${nginx.log()}`,
    );
    return nginx;
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  /** Wall-clock milliseconds of every reload so far. */
  reloads(): readonly number[] {
    if (!existsSync(this.#reloadLog)) return [];
    return readFileSync(this.#reloadLog, 'utf8').trim().split('\n').map(Number);
  }

  log(): string {
    const path = join(this.#folder, 'error.log');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  async close(): Promise<void> {
    process.removeListener('exit', this.#onExit);
    const child = this.#process;
    this.#process = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    // Fast shutdown: the master takes its workers along.
    child.kill('SIGTERM');
    const timer = setTimeout(() => child.kill('SIGKILL'), 5000);
    await ended;
    clearTimeout(timer);
  }

  #configure(): void {
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'];
    writeFileSync(this.upstreamFile, 'upstream web {\n  server 127.0.0.1:9 down;\n}\n');
    writeFileSync(
      this.#config,
      `user root;
worker_processes 1;
pid ${this.#folder}/nginx.pid;
error_log ${this.#folder}/error.log warn;
events { worker_connections 512; }
http {
  access_log off;
  ${temporary.map((name) => `${name}_temp_path ${this.#folder}/${name};`).join('\n  ')}
  include ${this.upstreamFile};
  server {
    listen 127.0.0.1:${this.port};
    location / {
      proxy_pass http://web;
      proxy_next_upstream off;
      proxy_connect_timeout 2s;
    }
  }
}
`,
    );
    execFileSync(binary, ['-q', '-p', this.#folder, '-c', this.#config, '-t'], { stdio: 'pipe' });
  }
}
