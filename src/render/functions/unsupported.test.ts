import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateOffline } from '../eval.ts';

test('functions of Vault and Nomad are refused when a template is parsed, with the reason', () => {
  const rows: readonly (readonly [string, string])[] = [
    [
      '{{if false}}{{secret "x"}}{{end}}',
      'function "secret" not defined: it needs Vault, which Portolan does not talk to',
    ],
    [
      '\n{{nomadVar "x"}}',
      'function "nomadVar" not defined: it needs Nomad, which Portolan does not talk to',
    ],
  ];
  for (const [text, message] of rows) {
    const line = text.startsWith('\n') ? 2 : 1;
    assert.throws(() => evaluateOffline({ text, fixture: {} }), {
      code: 'parse',
      message: `parse: template: :${line}: ${message}`,
    });
  }
});

test('a denied one may stand in a template that does not call it', () => {
  const text = '{{if false}}{{secret "x"}}{{end}}ok';
  assert.equal(evaluateOffline({ text, fixture: {}, deny: ['secret*'] }).output, 'ok');
});
