/** The transcripts' own player, with types, and the agents it plays against. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { repoRoot } from '../../src/lib/repo-root.testkit.ts';
import type { Lists } from './expectations.ts';

export interface Step {
  readonly step?: number;
  readonly note?: string;
  readonly http?: { readonly method: string; readonly path: string; readonly json?: unknown };
  readonly expect?: Readonly<Record<string, unknown>>;
  readonly retry?: unknown;
}

export interface Scenario {
  readonly name: string;
  readonly profile: 'default' | 'acl' | 'compact';
  readonly steps: readonly Step[];
}

export interface Target {
  /** `http://127.0.0.1:8500` */
  readonly http: string;
  /** `127.0.0.1:8600` */
  readonly dns: string;
}

export interface Failure {
  readonly step: number;
  readonly what: string;
  readonly diffs: readonly { readonly path: string; readonly expected: unknown; readonly actual: unknown }[];
}

interface Player {
  playScenario(
    scenario: Scenario,
    target: Target,
    options: {
      readonly vars: Map<string, unknown>;
      readonly index: 'strict';
      readonly ignoreHeaders: ReadonlySet<string>;
    },
  ): Promise<{ readonly failures: readonly Failure[] }>;
  discover(target: Target, vars: Map<string, unknown>): Promise<void>;
  loadTranscripts(folder: string): readonly Scenario[];
}

const folder = join(repoRoot(import.meta.url), 'test', 'compat');

export async function loadPlayer(): Promise<Player> {
  return (await import(pathToFileURL(join(folder, 'contract', 'replay.mjs')).href)) as Player;
}

export function loadScenarios(player: Player): readonly Scenario[] {
  return player.loadTranscripts(join(folder, 'contract'));
}

export function loadLists(): Lists {
  const read = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  return { newer: read('newer.json'), pending: read('pending.json') } as Lists;
}

/**
 * dns-truncation puts its rows in with one transaction; until there are transactions they come one by one, so that its
 * questions are worth asking.
 */
async function prepare(scenario: Scenario, target: Target): Promise<void> {
  if (scenario.name !== 'dns-truncation') return;
  const operations = (scenario.steps[0]?.http?.json ?? []) as readonly {
    readonly Node?: { readonly Node: object };
    readonly Service?: { readonly Node: string; readonly Service: object };
  }[];
  for (const { Node: node, Service: service } of operations) {
    const body =
      service === undefined
        ? node?.Node
        : { Node: service.Node, SkipNodeUpdate: true, Service: service.Service };
    const init = { method: 'PUT', body: JSON.stringify(body) };
    const response = await fetch(`${target.http}/v1/catalog/register`, init);
    if (!response.ok) throw new Error(await response.text());
  }
}

/** Plays scenarios one after the other on one server; failures by scenario name. */
export async function play(
  player: Player,
  scenarios: readonly Scenario[],
  target: Target,
): Promise<ReadonlyMap<string, readonly Failure[]>> {
  const run = Math.floor(Math.random() * 2 ** 32).toString(16);
  const vars = new Map<string, unknown>([['RUN', run.padStart(8, '0')]]);
  await player.discover(target, vars);
  const failures = new Map<string, readonly Failure[]>();
  for (const scenario of scenarios) {
    const options = { vars, index: 'strict', ignoreHeaders: new Set<string>() } as const;
    await prepare(scenario, target);
    failures.set(scenario.name, (await player.playScenario(scenario, target, options)).failures);
  }
  return failures;
}

/** One failure as a line or two for an assertion message. */
export function describe(scenario: string, failure: Failure): string {
  const diffs = failure.diffs.slice(0, 3).map(({ path, expected, actual }) => {
    const clip = (value: unknown): string => String(value).replace(/\s+/g, ' ').slice(0, 300);
    return `\n    at ${path}: expected ${clip(expected)}, got ${clip(actual)}`;
  });
  return `${scenario} step ${failure.step}: ${failure.what}${diffs.join('')}`;
}
