import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearestWord } from './suggest.ts';

const known = ['datacenter', 'data_dir', 'node_name', 'ports'];
for (const [word, want] of [
  ['datacentre', 'datacenter'],
  ['dataDir', 'data_dir'],
  ['prots', 'ports'],
  ['bogus', undefined],
] as const) {
  test(`${word} suggests ${want ?? 'nothing'}`, () => assert.equal(nearestWord(word, known), want));
}
