import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeJson, encodeRows } from './json.ts';

const text = (row: unknown, indent: 0 | 4): string => JSON.stringify(row, undefined, indent);

test('JSON is compact, or indented by four spaces with a newline at the end', () => {
  assert.equal(encodeJson(['dc1'], false), '["dc1"]');
  assert.equal(encodeJson(['dc1'], true), '[\n    "dc1"\n]\n');
  assert.equal(encodeJson([], true), '[]\n');
  assert.equal(encodeJson(null, true), 'null\n');
});

test('angle brackets, ampersands and line separators are escaped', () => {
  assert.equal(encodeJson('<b>&\u2028\u2029', false), '"\\u003cb\\u003e\\u0026\\u2028\\u2029"');
});

test('rows print as the whole array would', async () => {
  for (const rows of [[], [1], ['a', '<', '\n'], [{ a: [] }, { b: { c: ['x\ny'] } }]]) {
    for (const pretty of [false, true]) {
      assert.equal(await encodeRows<unknown>(rows, text, pretty), encodeJson(rows, pretty));
    }
  }
});

test('a long list gives way to the event loop and is still whole', async () => {
  const rows = Array.from({ length: 3000 }, (_, i) => ({ i }));
  const slow = (row: { i: number }): string => {
    if (row.i % 100 === 0) for (const until = performance.now() + 1; performance.now() < until; );
    return JSON.stringify(row);
  };
  let turns = 0;
  const ticker = setInterval(() => turns++, 1);
  const body = encodeRows(rows, slow, false);
  assert.ok(body instanceof Promise);
  assert.equal(await body, JSON.stringify(rows));
  clearInterval(ticker);
  assert.ok(turns > 0);
});
