/**
 * The promises of the store seam as tests; every engine runs all of them. An engine that can't show a promise
 * leaves its case out by name, with the reason.
 */
import { test } from 'node:test';

import { commitCases } from './conformance/commits.testkit.ts';
import { followCases } from './conformance/follow.testkit.ts';
import type { ConformanceCase, Opened } from './conformance/harness.testkit.ts';
import { leaseCases } from './conformance/leases.testkit.ts';
import { readCases } from './conformance/reads.testkit.ts';

export type { Opened } from './conformance/harness.testkit.ts';

export interface ConformanceOptions {
  /** Case name -> why this engine can't show it. */
  readonly skip?: Readonly<Record<string, string>>;
  /** Only the cases whose name this matches; default all. */
  readonly only?: RegExp;
}

const cases: readonly ConformanceCase[] = [...commitCases, ...readCases, ...followCases, ...leaseCases];

/** Registers one test a promise; `open` gives each a fresh, empty store, which the case closes. */
export function storeConformance(
  engine: string,
  open: () => Promise<Opened>,
  options: ConformanceOptions = {},
): void {
  const skip = options.skip ?? {};
  const known = new Set(cases.map(({ name }) => name));
  for (const name of Object.keys(skip)) {
    if (!known.has(name)) throw new Error(`storeConformance: no case is named '${name}'`);
  }
  for (const { name, run } of cases) {
    if (skip[name] !== undefined || options.only?.test(name) === false) continue;
    test(`${engine}: ${name}`, async () => {
      const opened = await open();
      try {
        await run(opened);
      } finally {
        await opened.dispose();
      }
    });
  }
}
