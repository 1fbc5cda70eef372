import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateOffline } from '../eval.ts';
import { recorded } from './recorded.testkit.ts';

function answer(text: string): string {
  try {
    return evaluateOffline({ text, fixture: {} }).output;
  } catch (error) {
    return (error as Error).message;
  }
}

test("functions give what Go's libraries give", () => {
  assert.ok(recorded.length > 150);
  for (const [template, want] of recorded) assert.equal(answer(template), want, template);
});
