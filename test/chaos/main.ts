/** What `npm run chaos` runs once everything is set up: `chaos SEED MINUTES` or `loss`. Exit code 0: all is well. */
import { runChaos, runLoss, tellFailure } from './chaos.testkit.ts';

const [what, seed, minutes] = process.argv.slice(2);
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));
process.exitCode = (await (what === 'loss' ? loss() : chaos(Number(seed), Number(minutes)))) ? 0 : 1;

async function chaos(seedNumber: number, forMinutes: number): Promise<boolean> {
  const options = { seed: seedNumber, faultMs: forMinutes * 60_000, say };
  say(`seed ${seedNumber}`);
  const report = await runChaos(options);
  if (report.faults.length > 0) {
    say(tellFailure(options, report));
    return false;
  }
  for (const line of report.figures) say(line);
  say('all is well');
  return true;
}

async function loss(): Promise<boolean> {
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

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
