/**
 * npm run chaos: three hosts with etcd and an agent each, clients on them, and faults at random for minutes; then every history,
 * the catalog and the locks are judged. npm test runs a short one; this is for long ones, and to tell a seed again.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { ensureBuilt, ensureDebianPackages, ensureDependencies, isRoot, root, say } from './lib/setup.mjs';

const help = `npm run chaos -- --minutes N --seed S   faults for N minutes (default 5), drawn by seed S (default: of the clock)
npm run chaos -- --loss                30 % of all packets lost both ways for 120 s, three times: no node's status changes

As root on Debian (network namespaces, iptables, etcd-server). Nothing of the machine's network is changed.
A failure prints the seed, what was wrong and the faults, and keeps the logs of agents and etcd.

Exit codes: 0 all is well, 1 something is not, 2 wrong use or it can't run here, 130 stopped`;

const options = readOptions();
if (options === undefined || options.help === true) {
  say(help);
  process.exit(options === undefined ? 2 : 0);
}
if (!isRoot) {
  process.stderr.write('chaos: needs root, to make network namespaces: sudo npm run chaos\n');
  process.exit(2);
}
ensureDependencies();
ensureDebianPackages({
  'etcd-server': '/usr/bin/etcd',
  'etcd-client': '/usr/bin/etcdctl',
  iproute2: '/usr/sbin/ip',
  iptables: '/usr/sbin/iptables',
});
ensureBuilt();
const words =
  options.loss === true
    ? ['loss']
    : ['chaos', options.seed ?? String(Date.now() % 1_000_000), options.minutes ?? '5'];
const main = join(root, 'dist/test/chaos/main.js');
const child = spawn(process.execPath, [main, ...words], { stdio: 'inherit' });
// That process ends its hosts, and this one waits for it.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code) => process.exit(code ?? 1));

function readOptions() {
  try {
    const string = { type: 'string' };
    const boolean = { type: 'boolean' };
    const { values } = parseArgs({
      options: { minutes: string, seed: string, loss: boolean, help: boolean },
    });
    const isWrong = [values.minutes, values.seed].some((text) => text !== undefined && !(Number(text) > 0));
    return isWrong ? undefined : values;
  } catch {
    return undefined;
  }
}
