import assert from 'node:assert/strict';
import { test } from 'node:test';
import { paintFor } from './terminal.ts';

test('colours are for terminals, and for nobody who does not want them', () => {
  const cases: readonly (readonly [env: Record<string, string>, isTerminal: boolean, want: string])[] = [
    [{}, true, '\u001B[31mx\u001B[0m'],
    [{}, false, 'x'],
    [{ NO_COLOR: '1' }, true, 'x'],
    [{ NO_COLOR: '' }, true, '\u001B[31mx\u001B[0m'],
    [{ TERM: 'dumb' }, true, 'x'],
  ];
  for (const [env, isTerminal, want] of cases) assert.equal(paintFor({ env }, isTerminal)('x', 'red'), want);
});
