/**
 * What the recorded transcripts are expected to find: everything as recorded, but for two lists.
 *
 * newer.json: steps where Portolan follows a newer Consul than the recorded 1.10, with what is expected instead.
 * pending.json: steps that belong to endpoints which are not built yet.
 */
import type { Scenario, Step } from './replay.testkit.ts';

export interface Newer {
  readonly scenario: string;
  readonly step: number;
  readonly why: string;
  /** Replaces these parts of the recorded response; `headers` are merged, null for a body part removes it. */
  readonly expect?: Readonly<Record<string, unknown>>;
  /** Replaces single values inside the recorded response, by the path to them. */
  readonly patch?: readonly { readonly at: readonly (string | number)[]; readonly value: unknown }[];
}

export interface Pending {
  readonly scenario: string;
  /** Without it the whole scenario is left out: there is no server to play it against yet. */
  readonly steps?: readonly number[];
  readonly why: string;
}

export interface Lists {
  readonly newer: readonly Newer[];
  readonly pending: readonly Pending[];
}

export function pendingSteps(lists: Lists, scenario: string): ReadonlySet<number> {
  return new Set(
    lists.pending.filter((entry) => entry.scenario === scenario).flatMap((entry) => entry.steps ?? []),
  );
}

/** Whether the scenario is left out as a whole. */
export function isLeftOut(lists: Lists, scenario: string): boolean {
  return lists.pending.some((entry) => entry.scenario === scenario && entry.steps === undefined);
}

/** The scenario as recorded, with steps that are expected to fail tried once only. */
export function asRecorded(scenario: Scenario, lists: Lists): Scenario {
  const listed = new Set([...pendingSteps(lists, scenario.name), ...newerSteps(lists, scenario.name)]);
  return {
    ...scenario,
    steps: scenario.steps.map((step) => (listed.has(step.step ?? 0) ? once(step) : step)),
  };
}

/** The scenario with what is expected instead of what was recorded. */
export function asExpected(scenario: Scenario, lists: Lists): Scenario {
  const pending = pendingSteps(lists, scenario.name);
  const steps = scenario.steps.map((step) => {
    if (step.step !== undefined && pending.has(step.step)) return once(step);
    const entry = lists.newer.find(
      ({ scenario: name, step: number }) => name === scenario.name && number === step.step,
    );
    return entry === undefined ? step : { ...step, expect: instead(step.expect ?? {}, entry) };
  });
  return { ...scenario, steps };
}

export function newerSteps(lists: Lists, scenario: string): readonly number[] {
  return lists.newer.filter((entry) => entry.scenario === scenario).map((entry) => entry.step);
}

function once(step: Step): Step {
  const { retry: _retry, ...rest } = step;
  return rest;
}

const bodies = ['json', 'text', 'base64', 'repeat', 'empty'];

function instead(
  recorded: Readonly<Record<string, unknown>>,
  entry: Newer,
): Readonly<Record<string, unknown>> {
  const { expect = {}, patch = [] } = entry;
  let result = structuredClone(recorded) as Record<string, unknown>;
  // One kind of body: a new one takes the place of the recorded one.
  if (bodies.some((body) => body in expect)) for (const body of bodies) delete result[body];
  const headers = mergedHeaders(result['headers'], expect['headers']);
  result = { ...result, ...expect, headers };
  for (const { at, value } of patch) setAt(result, at, value);
  return result;
}

function mergedHeaders(recorded: unknown, replaced: unknown): Record<string, unknown> {
  const merged = { ...(recorded as Record<string, unknown> | undefined) };
  for (const [name, value] of Object.entries((replaced ?? {}) as Record<string, unknown>)) {
    for (const known of Object.keys(merged))
      if (known.toLowerCase() === name.toLowerCase()) delete merged[known];
    // undefined in the list can't be written in JSON: `{"$any": "any"}` stands for a header that may be anything.
    merged[name] = value;
  }
  return merged;
}

function setAt(target: Record<string, unknown>, at: readonly (string | number)[], value: unknown): void {
  let inner: Record<string | number, unknown> = target;
  for (const key of at.slice(0, -1)) {
    const next = inner[key];
    if (typeof next !== 'object' || next === null) throw new Error(`newer.json: nothing at ${at.join('.')}`);
    inner = next as Record<string | number, unknown>;
  }
  const last = at[at.length - 1]!;
  if (!(last in inner)) throw new Error(`newer.json: nothing at ${at.join('.')}`);
  inner[last] = value;
}
