import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repoRoot } from '../lib/repo-root.testkit.ts';
import { TemplateError } from './errors.ts';
import type { MissingKey } from './state.ts';
import { executeTemplate, parseTemplate } from './template.ts';
import { fromJson } from './values.ts';

/** Recorded from Go 1.26's text/template; what the fields mean is said in the vectors' own reference. */
interface Vector {
  readonly name: string;
  readonly template: string;
  readonly data: unknown;
  readonly output?: string;
  readonly error?: string;
  readonly phase?: 'parse' | 'exec';
  readonly missingkey?: MissingKey;
  readonly delims?: readonly [string, string];
}

const file = join(repoRoot(import.meta.url), 'test/compat/vectors/go-template.json');
const vectors = JSON.parse(readFileSync(file, 'utf8')) as readonly Vector[];

test('there are vectors', () => assert.ok(vectors.length > 400));

for (const vector of vectors) {
  test(`vector ${vector.name}`, () => {
    const { output, error, phase } = outcome(vector);
    assert.equal(error, vector.error);
    assert.equal(output, vector.output);
    assert.equal(phase, vector.phase);
  });
}

function outcome(vector: Vector): { output?: string; error?: string; phase?: string } {
  const [leftDelimiter = '', rightDelimiter = ''] = vector.delims ?? [];
  try {
    const template = parseTemplate('t', vector.template, { leftDelimiter, rightDelimiter });
    const missingKey = vector.missingkey ?? 'zero';
    return { output: executeTemplate(template, { data: fromJson(vector.data), missingKey }) };
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    return { error: error.message, phase: error.phase };
  }
}
