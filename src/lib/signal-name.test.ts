import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseSignal } from './signal-name.ts';

test('a signal is named in any case, with or without SIG; an empty text is no signal', () => {
  const cases: readonly (readonly [string, string | null | undefined])[] = [
    ['SIGHUP', 'SIGHUP'],
    ['sigusr1', 'SIGUSR1'],
    ['term', 'SIGTERM'],
    ['', null],
    ['SIGNULL', null],
    ['SIGBOGUS', undefined],
    ['9', undefined],
    ['toString', undefined],
  ];
  for (const [text, want] of cases) assert.equal(parseSignal(text), want, text);
});
