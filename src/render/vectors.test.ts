import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repoRoot } from '../lib/repo-root.testkit.ts';
import { OfflineError, evaluateOffline } from './eval.ts';
import type { Fixture } from './fixture-source.ts';

/** Recorded from consul-template 0.42; `used` and `missing` are dependency ids in order. */
interface Vector {
  readonly name: string;
  readonly template: string;
  readonly output?: string;
  readonly error?: string;
  readonly blocked?: boolean;
  readonly used?: readonly string[];
  readonly missing?: readonly string[];
  readonly passes: number;
  readonly delims?: readonly [string, string];
  readonly deny?: readonly string[];
  readonly errMissing?: boolean;
}

interface VectorFile {
  readonly fixture: Fixture;
  readonly vectors: readonly Vector[];
}

const path = join(repoRoot(import.meta.url), 'test/compat/vectors/template-functions.json');
const { fixture, vectors } = JSON.parse(readFileSync(path, 'utf8')) as VectorFile;

test('there are vectors', () => assert.ok(vectors.length >= 240));

for (const vector of vectors) {
  test(`vector ${vector.name}`, () => assert.deepEqual(outcome(vector), expected(vector)));
}

function expected(vector: Vector): object {
  const { output, error, blocked = false, used = [], missing = [], passes } = vector;
  return { output, error, blocked, used, missing, passes };
}

function outcome(vector: Vector): object {
  const [leftDelimiter = '', rightDelimiter = ''] = vector.delims ?? [];
  try {
    const { output, used, passes } = evaluateOffline({
      text: vector.template,
      fixture,
      leftDelimiter,
      rightDelimiter,
      missingKey: vector.errMissing === true ? 'error' : 'zero',
      deny: vector.deny ?? [],
    });
    return { output, error: undefined, blocked: false, used, missing: [], passes };
  } catch (error) {
    if (!(error instanceof OfflineError)) throw error;
    const { code, message, used, missing, passes } = error;
    const blocked = code === 'blocked';
    return { output: undefined, error: blocked ? undefined : message, blocked, used, missing, passes };
  }
}
