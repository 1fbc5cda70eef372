import assert from 'node:assert/strict';

/** Milliseconds until `condition` holds; fails after `withinMs`. */
export async function until(condition: () => boolean, withinMs = 5000): Promise<number> {
  const started = performance.now();
  while (!condition()) {
    assert.ok(performance.now() - started < withinMs, `not reached in ${withinMs} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
  return performance.now() - started;
}
