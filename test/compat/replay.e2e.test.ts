import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { asExpected, asRecorded, isLeftOut, newerSteps, pendingSteps } from './expectations.ts';
import { launch, type Launched } from './launch.testkit.ts';
import {
  describe,
  loadLists,
  loadPlayer,
  loadScenarios,
  play,
  type Failure,
  type Scenario,
} from './replay.testkit.ts';

/**
 * The recorded transcripts, played twice at a time: as they are, to see that every listed step still deviates from what
 * was recorded, and with the lists applied, to see that nothing else does.
 */
const player = await loadPlayer();
const lists = loadLists();
const scenarios = loadScenarios(player).filter(({ name }) => !isLeftOut(lists, name));
const agents: Launched[] = [];
let recorded: ReadonlyMap<string, readonly Failure[]> = new Map();
let expected: ReadonlyMap<string, readonly Failure[]> = new Map();

before(async () => {
  [recorded, expected] = await Promise.all([
    playAll(scenarios.filter(isListed).map((scenario) => asRecorded(scenario, lists))),
    playAll(scenarios.map((scenario) => asExpected(scenario, lists))),
  ]);
});

after(async () => {
  await Promise.all(agents.map((agent) => agent.stop()));
});

for (const { name } of scenarios) {
  test(`${name}: every step is answered as recorded, or as newer.json says`, () => {
    const pending = pendingSteps(lists, name);
    const unlisted = (expected.get(name) ?? []).filter(({ step }) => !pending.has(step));
    assert.deepEqual(
      unlisted.map((failure) => describe(name, failure)),
      [],
    );
  });
}

for (const scenario of scenarios.filter(isListed)) {
  test(`${scenario.name}: every listed step still deviates from what was recorded`, () => {
    const failed = new Set((recorded.get(scenario.name) ?? []).map(({ step }) => step));
    const listed = [...pendingSteps(lists, scenario.name), ...newerSteps(lists, scenario.name)];
    assert.deepEqual(
      listed.filter((step) => !failed.has(step)),
      [],
      'these pass: take them off the list',
    );
  });
}

test('the lists name steps that exist, once, and say why', () => {
  const all = loadScenarios(player);
  const seen = new Set<string>();
  const steps = [
    ...lists.newer,
    ...lists.pending.flatMap((entry) => (entry.steps ?? []).map((step) => ({ ...entry, step }))),
  ];
  for (const { scenario, step, why } of steps) {
    const found = all.find(({ name }) => name === scenario)?.steps.some((known) => known.step === step);
    assert.ok(found, `${scenario} has no step ${step}`);
    assert.ok(!seen.has(`${scenario} ${step}`), `${scenario} step ${step} is listed twice`);
    assert.ok(why.length > 10, `${scenario} step ${step} has no reason`);
    seen.add(`${scenario} ${step}`);
  }
  for (const { scenario } of lists.pending)
    assert.ok(
      all.some(({ name }) => name === scenario),
      scenario,
    );
});

function isListed({ name }: Scenario): boolean {
  return pendingSteps(lists, name).size > 0 || newerSteps(lists, name).length > 0;
}

/** Plays each scenario on a fresh agent of its profile, one agent a profile. */
async function playAll(todo: readonly Scenario[]): Promise<ReadonlyMap<string, readonly Failure[]>> {
  const all = new Map<string, readonly Failure[]>();
  for (const profile of ['default', 'compact'] as const) {
    const chosen = todo.filter((scenario) => scenario.profile === profile);
    if (chosen.length === 0) continue;
    const agent = await launch(profile);
    agents.push(agent);
    for (const [name, failures] of await play(player, chosen, agent.target)) all.set(name, failures);
  }
  return all;
}
