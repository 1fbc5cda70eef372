import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Commit } from '../store.ts';
import { appliesOnce, parseLeaseId } from './translate.ts';

const value = new Uint8Array();
const rows: readonly { name: string; commit: Commit; once: boolean }[] = [
  { name: 'a put', commit: { then: [{ put: 'a', value }] }, once: false },
  {
    name: 'a put of a row at a revision',
    commit: { when: [{ key: 'a', modRevision: 5 }], then: [{ put: 'a', value }] },
    once: true,
  },
  {
    name: 'a deletion of a row at a revision',
    commit: { when: [{ key: 'a', modRevision: 5 }], then: [{ delete: 'a' }] },
    once: true,
  },
  {
    name: 'a put of an absent row, which may be absent again',
    commit: { when: [{ key: 'a', modRevision: 0 }], then: [{ put: 'a', value }] },
    once: false,
  },
  {
    name: 'a put beside the row that is compared',
    commit: { when: [{ key: 'a', modRevision: 5 }], then: [{ put: 'b', value }] },
    once: false,
  },
  {
    name: 'a put with something else otherwise',
    commit: { when: [{ key: 'a', modRevision: 5 }], then: [{ put: 'a', value }], else: [{ delete: 'b' }] },
    once: false,
  },
];

for (const { name, commit, once } of rows) {
  test(`${name} ${once ? 'applies at most once' : 'might apply twice'}`, () => {
    assert.equal(appliesOnce(commit), once);
  });
}

test('ids of leases are positive 64-bit integers, all else is of another store', () => {
  assert.equal(parseLeaseId('7587862094675014147'), 7587862094675014147n);
  for (const id of ['', '0', '-1', '9223372036854775808', 'c0ffee', '99999999999999999999']) {
    assert.equal(parseLeaseId(id), undefined);
  }
});
