import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runChaos, tellFailure } from './chaos.testkit.ts';
import { ChaosCluster } from './cluster.testkit.ts';

test('whatever is killed, stalled and cut: nothing is lost, nothing stale stays, DNS is never silent', {
  skip: ChaosCluster.missing() ?? false,
}, async (t) => {
  const options = { seed: Number(process.env.CHAOS_SEED ?? Date.now() % 1_000_000), faultMs: 35_000 };
  t.diagnostic(`seed ${options.seed}: npm run chaos -- --minutes 0.6 --seed ${options.seed}`);
  const report = await runChaos(options);
  for (const line of report.figures) t.diagnostic(line);
  assert.ok(report.faults.length === 0, tellFailure(options, report));
});
