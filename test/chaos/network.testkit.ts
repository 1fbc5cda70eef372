import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readlinkSync } from 'node:fs';
import { networkInterfaces } from 'node:os';

/** A host: a network namespace with one address on the test's bridge, reachable from this process too. */
export interface TestHost {
  readonly name: string;
  readonly address: string;
  /** Words before a command that run it on this host; the process keeps its pid and dies with this one. */
  readonly prefix: readonly string[];
}

/**
 * Hosts joined by a bridge. Bridge and hosts are namespaces without a name, each kept by a sleeping process: when those
 * end, the kernel takes links, addresses and rules along, so that nothing stays behind even after a kill -9 of the test.
 * The bridge is in a namespace of its own, since Docker lets nothing be forwarded in the machine's.
 *
 * This process is on the bridge too (`address`). What it sends is never cut or lost: it is the test's own sight.
 */
export class TestNetwork {
  /** Of this process, on the bridge. */
  readonly address: string;
  readonly hosts: readonly TestHost[];
  readonly #keepers: readonly ChildProcess[];
  readonly #link: string;
  /** `to` -> `from` -> probability that a packet is lost. */
  readonly #losses = new Map<TestHost, Map<TestHost, number>>();
  readonly #onExit = (): void => this.#sweep();

  private constructor(
    keepers: readonly ChildProcess[],
    at: { readonly link: string; readonly subnet: string; readonly names: readonly string[] },
  ) {
    this.#keepers = keepers;
    this.#link = at.link;
    this.address = `${at.subnet}.1`;
    this.hosts = at.names.map((name, index) => ({
      name,
      address: `${at.subnet}.${index + 2}`,
      prefix: ['setpriv', '--pdeathsig', 'KILL', ...enter(keepers[index + 1]!)],
    }));
  }

  /** Why hosts can't be made here, for a test's `skip`. */
  static missing(): string | undefined {
    if (process.getuid?.() !== 0) return 'needs root';
    const wanted = { '/usr/sbin/ip': 'iproute2', '/usr/sbin/iptables-restore': 'iptables' };
    const absent = Object.entries(wanted).filter(([path]) => !existsSync(path));
    return absent.length === 0 ? undefined : `needs ${absent.map(([, name]) => `apt: ${name}`).join(', ')}`;
  }

  /** Takes about 100 ms. */
  static async open(names: readonly string[]): Promise<TestNetwork> {
    const subnet = freeSubnet();
    const link = `ptn${process.pid.toString(36)}${subnet.split('.')[2]}`;
    const keepers = ['hub', ...names].map(() =>
      spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', '--net', 'sleep', 'infinity'], { stdio: 'ignore' }),
    );
    const network = new TestNetwork(keepers, { link, subnet, names });
    process.once('exit', network.#onExit);
    try {
      await Promise.all(keepers.map(isApart));
      network.#join();
      return network;
    } catch (error) {
      await network.close();
      throw error;
    }
  }

  /** Packets from one host to another are lost with this probability; 0 = none, 1 = all. Other pairs stay as they are. */
  lose(from: TestHost, to: TestHost, probability: number): void {
    const losses = this.#losses.get(to) ?? new Map<TestHost, number>();
    this.#losses.set(to, losses);
    if (probability <= 0) losses.delete(from);
    else losses.set(from, probability);
    this.#apply(to);
  }

  /** In both directions. */
  cut(one: TestHost, other: TestHost): void {
    this.lose(one, other, 1);
    this.lose(other, one, 1);
  }

  /** Cuts a host from all others, or loses that much of what goes to them and comes from them. */
  isolate(host: TestHost, probability = 1): void {
    for (const other of this.hosts) {
      if (other === host) continue;
      this.lose(host, other, probability);
      this.lose(other, host, probability);
    }
  }

  /** Of one host, or of all. */
  heal(host?: TestHost): void {
    for (const to of this.hosts) {
      const losses = this.#losses.get(to);
      if (losses === undefined || losses.size === 0) continue;
      if (host === undefined || to === host) losses.clear();
      else if (!losses.delete(host)) continue;
      this.#apply(to);
    }
  }

  /** Ends what runs on the hosts with the network itself; the caller ends its own processes first. */
  async close(): Promise<void> {
    process.removeListener('exit', this.#onExit);
    const ended = this.#keepers
      .filter(
        ({ exitCode, signalCode, pid }) => exitCode === null && signalCode === null && pid !== undefined,
      )
      .map((keeper) => once(keeper, 'exit'));
    this.#sweep();
    await Promise.all(ended);
  }

  #sweep(): void {
    // The other end goes with it; otherwise it would go with its namespace, a little later.
    if (existsSync(`/sys/class/net/${this.#link}`)) ip(['link', 'del', this.#link]);
    for (const keeper of this.#keepers) keeper.kill('SIGKILL');
  }

  #join(): void {
    const hub = this.#keepers[0]!;
    run([...enter(hub), 'ip', 'link', 'add', 'br0', 'type', 'bridge']);
    run([...enter(hub), 'ip', 'link', 'set', 'br0', 'up']);
    this.hosts.forEach((host, index) => {
      const keeper = this.#keepers[index + 1]!;
      const port = `host${index}`;
      run([
        ...enter(hub),
        'ip',
        ...`link add ${port} type veth peer name eth0 netns ${keeper.pid}`.split(' '),
      ]);
      run([...enter(hub), 'ip', 'link', 'set', port, 'master', 'br0', 'up']);
      run([...enter(keeper), 'ip', 'addr', 'add', `${host.address}/24`, 'dev', 'eth0']);
      for (const device of ['lo', 'eth0']) run([...enter(keeper), 'ip', 'link', 'set', device, 'up']);
    });
    ip(`link add ${this.#link} type veth peer name root netns ${hub.pid}`.split(' '));
    run([...enter(hub), 'ip', 'link', 'set', 'root', 'master', 'br0', 'up']);
    ip(['addr', 'add', `${this.address}/24`, 'dev', this.#link]);
    ip(['link', 'set', this.#link, 'up']);
  }

  /** All rules of a host in one step. Packets are lost where they arrive: a sender is never told. */
  #apply(to: TestHost): void {
    const rules = [...(this.#losses.get(to) ?? [])].map(([from, probability]) => {
      const random = probability >= 1 ? '' : ` -m statistic --mode random --probability ${probability}`;
      return `-A INPUT -s ${from.address}${random} -j DROP\n`;
    });
    run(
      [...to.prefix, 'iptables-restore'],
      `*filter\n:INPUT ACCEPT\n:FORWARD ACCEPT\n:OUTPUT ACCEPT\n${rules.join('')}COMMIT\n`,
    );
  }
}

function enter(keeper: ChildProcess): readonly string[] {
  return ['nsenter', `--net=/proc/${keeper.pid}/ns/net`, '--'];
}

/** Resolves when the process is in a namespace that is not ours. */
async function isApart(keeper: ChildProcess): Promise<void> {
  const ours = readlinkSync('/proc/self/ns/net');
  for (let tries = 0; tries < 200; tries++) {
    if (keeper.exitCode !== null || keeper.pid === undefined) break;
    if (readlinkSync(`/proc/${keeper.pid}/ns/net`) !== ours) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error('no network namespace could be made (unshare --net)');
}

/** Of 198.18.0.0/15, which is set aside for tests of networks (RFC 2544); its first three numbers. */
function freeSubnet(): string {
  const used = new Set(
    Object.values(networkInterfaces()).flatMap((list) =>
      list!.map(({ address }) => address.split('.').slice(0, 3).join('.')),
    ),
  );
  const first = process.pid % 250;
  for (let i = 0; i < 250; i++) {
    const subnet = `198.18.${(first + i * 7) % 250}`;
    if (!used.has(subnet)) return subnet;
  }
  throw new Error('no free 198.18.x.0/24');
}

function ip(args: readonly string[]): void {
  run(['ip', ...args]);
}

function run(words: readonly string[], input = ''): void {
  execFileSync(words[0]!, words.slice(1), { input, stdio: ['pipe', 'ignore', 'pipe'] });
}
