import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Batches } from './batches.ts';
import { Keys } from './keys.ts';
import type { WatchAnswer } from './messages.ts';

const keys = new Keys('ns/');

/** `5a` is a put of the key a at revision 5, `5-a` its deletion, `5*` the head's; `...` at the end: a fragment. */
function answer(text: string): WatchAnswer {
  const fragment = text.endsWith('...');
  const words = text
    .replace('...', '')
    .split(' ')
    .filter((word) => word !== '');
  const events = words.map((word) => {
    const [, revision, minus, name] = /^(\d+)(-?)(.)$/.exec(word)!;
    const key = name === '*' ? keys.head : keys.bytes(name!);
    const kv = { key, createRevision: 1, modRevision: Number(revision), value: Buffer.from('v'), lease: 0n };
    return { deleted: minus === '-', kv };
  });
  const header = { clusterId: 1n, revision: 0 };
  return { header, created: false, canceled: false, compactRevision: 0, cancelReason: '', fragment, events };
}

function shown(batches: Batches, text: string): string {
  const found = batches.add(answer(text));
  return found
    .map(({ revision, events }) => {
      const names = events.map((event) => (event.type === 'put' ? event.entry.key : `-${event.key}`));
      return `${revision}:${names.join('')}`;
    })
    .join(' ');
}

const rows: readonly { name: string; answers: readonly string[]; want: readonly string[] }[] = [
  { name: 'events of one revision are one batch', answers: ['5a 5-b 5* 6c 6*'], want: ['5:a-b 6:c'] },
  { name: 'a revision of the head alone is an empty batch', answers: ['5*'], want: ['5:'] },
  {
    name: 'a revision across fragments is given when it is whole',
    answers: ['5a...', '5b...', '5c'],
    want: ['', '', '5:abc'],
  },
  {
    name: 'a fragment completes the revisions before its last',
    answers: ['5a 6b...', '6c'],
    want: ['5:a', '6:bc'],
  },
  { name: 'what was given is not given again', answers: ['5a 6b', '5a 6b 7c'], want: ['5:a 6:b', '7:c'] },
  { name: 'what is before the start is passed over', answers: ['3a 4b 5c'], want: ['5:c'] },
  { name: 'an answer without events is nothing', answers: ['', '5a'], want: ['', '5:a'] },
];

for (const { name, answers, want } of rows) {
  test(name, () => {
    const batches = new Batches(keys, 5);
    assert.deepEqual(
      answers.map((text) => shown(batches, text)),
      want,
    );
  });
}

test('after a restart half a revision is forgotten and comes whole', () => {
  const batches = new Batches(keys, 5);
  assert.equal(shown(batches, '5a 6b...'), '5:a');
  assert.equal(batches.next, 6);
  batches.restart();
  assert.equal(shown(batches, '6b 6c'), '6:bc');
});
