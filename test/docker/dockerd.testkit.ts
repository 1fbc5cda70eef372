import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  readdirSync,
  rmSync,
  rmdirSync,
  writeFileSync,
} from 'node:fs';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DockerApi } from './docker-api.testkit.ts';
import { buildRootfs } from './image.ts';

/**
 * A Docker daemon of a test's own: data, sockets, containerd and bridge are private, nothing of the machine's Docker
 * is touched, and nothing is left when it is closed.
 *
 * - A bridge made here is given with --bridge. (--bridge=none would delete the machine's docker0.)
 * - --iptables=false: no rule is made, so none stays. Published ports are served by docker-proxy, reachable from this
 *   host under 127.0.0.1 and every other of its addresses.
 * - --ip-forward=false: no sysctl is changed.
 */
export class TestDockerd {
  /** What containers are made of: busybox, `httpd` on port 80 unless told otherwise. */
  readonly image = 'portolan-test:1';
  readonly socketPath: string;
  readonly host: string;
  readonly api: DockerApi;
  readonly #folder: string;
  readonly #bridge: string;
  readonly #subnet: number;
  /** dockerd makes /run/docker/plugins whatever it is told. */
  readonly #hadRunFolder = existsSync('/run/docker');
  #process: ChildProcess | undefined;
  /** Ends what a test run that stops half-way would leave behind. */
  readonly #onExit = (): void => this.#sweep();

  private constructor(folder: string, bridge: string, subnet: number) {
    this.#folder = folder;
    this.#bridge = bridge;
    this.#subnet = subnet;
    this.socketPath = join(folder, 'docker.sock');
    this.host = `unix://${this.socketPath}`;
    this.api = new DockerApi(this.socketPath, this.image);
  }

  /** Why no daemon can run here, for a test's `skip`; undefined when one can. */
  static missing(): string | undefined {
    if (process.getuid?.() !== 0) return 'needs root';
    const wanted = { dockerd: 'docker.io', busybox: 'busybox-static', ip: 'iproute2', tar: 'tar' };
    const absent = Object.entries(wanted).filter(([program]) => findProgram(program) === undefined);
    if (absent.length > 0)
      return `needs ${absent.map(([program, packet]) => `${program} (apt: ${packet})`).join(', ')}`;
    return undefined;
  }

  /** Starts a daemon with the image loaded; takes about a second. */
  static async open(): Promise<TestDockerd> {
    const folder = mkdtempSync(join(tmpdir(), 'ptl-'));
    const subnet = freeSubnet();
    const dockerd = new TestDockerd(folder, `ptl${process.pid.toString(36)}${subnet.toString(36)}`, subnet);
    process.once('exit', dockerd.#onExit);
    try {
      ip('link', 'add', dockerd.#bridge, 'type', 'bridge');
      ip('addr', 'add', `10.${subnet}.0.1/24`, 'dev', dockerd.#bridge);
      ip('link', 'set', dockerd.#bridge, 'up');
      await dockerd.start();
      await dockerd.api.importImage(buildRootfs());
      return dockerd;
    } catch (error) {
      await dockerd.close();
      throw error;
    }
  }

  /** Starts the daemon (again). Containers with a restart policy come back with it. */
  async start(): Promise<void> {
    const at = (name: string): string => join(this.#folder, name);
    // Of its own, so that the machine's /etc/docker/daemon.json is not read.
    writeFileSync(at('daemon.json'), '{}');
    const log = openSync(at('log'), 'a');
    this.#process = spawn(
      findProgram('dockerd')!,
      [
        `--data-root=${at('data')}`,
        `--exec-root=${at('exec')}`,
        `--pidfile=${at('pid')}`,
        `--config-file=${at('daemon.json')}`,
        `--host=${this.host}`,
        `--bridge=${this.#bridge}`,
        `--cgroup-parent=/${this.#bridge}`,
        `--default-address-pool=base=10.${this.#subnet}.128.0/17,size=24`,
        '--storage-driver=vfs',
        '--userland-proxy=true',
        '--iptables=false',
        '--ip6tables=false',
        '--ip-masq=false',
        '--ip-forward=false',
        '--log-level=warn',
      ],
      { stdio: ['ignore', log, log] },
    );
    closeSync(log);
    const ended = new Promise((resolve) => this.#process!.once('exit', resolve));
    for (const end = Date.now() + 30_000; ; ) {
      if (await this.#answers()) return;
      const isOver = await Promise.race([ended.then(() => true), sleep(50, false)]);
      if (isOver || Date.now() > end) throw new Error(`dockerd did not start:\n${this.log().slice(-2000)}`);
    }
  }

  /** Ends the daemon; SIGKILL leaves its containers running, as a crash does. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    const child = this.#process;
    if (child === undefined) return;
    this.#process = undefined;
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill(signal);
    const isOver = await Promise.race([ended.then(() => true), sleep(15_000, false, { ref: false })]);
    if (!isOver) child.kill('SIGKILL');
    await ended;
    // containerd dies with a killed daemon. Where nobody reaps it, its pid file would make the next daemon wait for it.
    if (signal === 'SIGKILL')
      rmSync(join(this.#folder, 'exec', 'containerd', 'containerd.pid'), { force: true });
  }

  log(): string {
    return existsSync(join(this.#folder, 'log')) ? readFileSync(join(this.#folder, 'log'), 'utf8') : '';
  }

  /** Ends everything and removes all that was made, also after half a start. */
  async close(): Promise<void> {
    process.removeListener('exit', this.#onExit);
    if (this.#process?.exitCode === null) await this.api.clear().catch(() => {});
    await this.api.close();
    await this.stop();
    this.#sweep();
  }

  /** Whatever is left, by force and in one go: an exiting process can't wait. */
  #sweep(): void {
    // containerd and its shims outlive a killed daemon. A shim that goes may leave its container: look again.
    for (let tries = 0; tries < 50; tries++) {
      const pids = this.#processes();
      if (pids.length === 0) break;
      for (const pid of pids) quietly(() => process.kill(pid, 'SIGKILL'));
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 20);
    }
    for (const path of this.#mounts())
      quietly(() => execFileSync('umount', ['-l', path], { stdio: 'ignore' }));
    quietly(() => ip('link', 'del', this.#bridge));
    // Networks that a killed daemon could not remove: bridges with an address of ours.
    for (const name of ownBridges(this.#subnet)) quietly(() => ip('link', 'del', name));
    removeCgroups(this.#bridge);
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
    if (this.#hadRunFolder) return;
    for (const path of ['/run/docker/plugins', '/run/docker']) quietly(() => rmdirSync(path));
  }

  async #answers(): Promise<boolean> {
    return this.api.call('GET', '/info').then(
      () => true,
      () => false,
    );
  }

  /** Of which the command line names this folder, or whose root lies in it; zombies have neither. */
  #processes(): number[] {
    return readdirSync('/proc')
      .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
      .filter((pid) => {
        const command = quietly(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8')) ?? '';
        return command.includes(`${this.#folder}/`) || this.#isOwnContainer(pid);
      })
      .map(Number);
  }

  /** A container's processes name nothing, but their root is mounted from this folder's data. */
  #isOwnContainer(pid: string): boolean {
    const mounts = quietly(() => readFileSync(`/proc/${pid}/mountinfo`, 'utf8')) ?? '';
    // Fields: id, parent, device, root within the device, mount point.
    return mounts.split('\n').some((line) => {
      const [, , , root = '', point] = line.split(' ');
      return point === '/' && root.startsWith(`${this.#folder}/`);
    });
  }

  #mounts(): string[] {
    const lines = readFileSync('/proc/mounts', 'utf8').split('\n');
    const paths = lines
      .map((line) => line.split(' ')[1] ?? '')
      .filter((path) => path.startsWith(`${this.#folder}/`));
    return paths.reverse();
  }
}

function findProgram(name: string): string | undefined {
  const folders = ['/usr/sbin', '/usr/bin', '/sbin', '/bin', '/usr/local/sbin', '/usr/local/bin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** The second number of a 10.x.0.0/16 that nothing on this host uses. */
function freeSubnet(): number {
  const used = new Set(
    Object.values(networkInterfaces()).flatMap((list) => list!.map(({ address }) => address.split('.')[1])),
  );
  const routes = execFileSync('ip', ['-4', 'route'], { encoding: 'utf8' });
  const first = 100 + (process.pid % 120);
  for (let i = 0; i < 120; i++) {
    const number = 100 + ((first + i * 7) % 120);
    if (!used.has(String(number)) && !routes.includes(`10.${number}.`)) return number;
  }
  throw new Error('no free 10.x.0.0/16');
}

/** Containers' cgroups are folders that only rmdir removes, children first, in every hierarchy. */
function removeCgroups(parent: string): void {
  for (const hierarchy of ['', ...(quietly(() => readdirSync('/sys/fs/cgroup')) ?? [])]) {
    const folder = join('/sys/fs/cgroup', hierarchy, parent);
    if (!existsSync(folder)) continue;
    for (const name of quietly(() => readdirSync(folder)) ?? []) quietly(() => rmdirSync(join(folder, name)));
    quietly(() => rmdirSync(folder));
  }
}

function ownBridges(subnet: number): string[] {
  const found = Object.entries(networkInterfaces());
  return found
    .filter(([, list]) => list!.some(({ address }) => address.startsWith(`10.${subnet}.`)))
    .map(([name]) => name);
}

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: ['ignore', 'ignore', 'pipe'] });
}

/** Cleaning goes on whatever one step says. */
function quietly<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch {
    return undefined;
  }
}
