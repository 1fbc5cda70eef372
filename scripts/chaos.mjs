/**
 * npm run chaos: three hosts with etcd and an agent each, clients on them, and faults at random for minutes; then every history,
 * the catalog and the locks are judged. npm test runs a short one; this is for long ones, and to tell a seed again.
 */
import { mkdtempSync, rmdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
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
const scratch = mkdtempSync(join(tmpdir(), 'portolan-chaos-'));
process.env.TMPDIR = scratch;
process.on('exit', () => {
  try {
    rmdirSync(scratch);
  } catch {
    // Logs of a failure are in it.
  }
});
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

const { runChaos, runLoss, tellFailure } = await import(join(root, 'dist/test/chaos/chaos.testkit.js'));
process.exit((await (options.loss === true ? loss() : chaos())) ? 0 : 1);

async function chaos() {
  const run = {
    seed: Number(options.seed ?? Date.now() % 1_000_000),
    faultMs: Number(options.minutes ?? 5) * 60_000,
    say,
  };
  say(`seed ${run.seed}`);
  const report = await runChaos(run);
  if (report.faults.length > 0) {
    say(tellFailure(run, report));
    return false;
  }
  for (const line of report.figures) say(line);
  say('all is well');
  return true;
}

async function loss() {
  let isWell = true;
  for (const round of [1, 2, 3]) {
    const { transitions, asked, failed, slowestMs } = await runLoss(120_000);
    const writes = `${asked} writes, ${failed} failed, the slowest took ${(slowestMs / 1000).toFixed(1)} s`;
    say(`round ${round}: ${transitions.length} changes of status; ${writes}`);
    for (const { seenBy, node, status } of transitions) say(`  ${seenBy} saw ${node} ${status}`);
    isWell &&= transitions.length === 0;
  }
  return isWell;
}

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
