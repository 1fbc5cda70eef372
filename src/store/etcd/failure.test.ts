import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { StoreErrorCode } from '../store.ts';
import { type FailureKind, failureOf } from './failure.ts';

const rows: readonly {
  details: string;
  sent: boolean;
  kind: FailureKind;
  code?: StoreErrorCode;
  says?: RegExp;
}[] = [
  { details: 'etcdserver: no leader', sent: true, kind: 'unsent' },
  { details: 'etcdserver: leader changed', sent: true, kind: 'lost' },
  { details: 'etcdserver: request timed out', sent: true, kind: 'lost' },
  { details: 'Connection dropped', sent: true, kind: 'lost' },
  { details: 'No connection established. Last error: x', sent: true, kind: 'unsent' },
  { details: 'whatever', sent: false, kind: 'unsent' },
  { details: 'etcdserver: invalid auth token', sent: true, kind: 'auth' },
  {
    details: 'etcdserver: mvcc: database space exceeded',
    sent: true,
    kind: 'verdict',
    says: /compact.*disarm/,
  },
  { details: 'etcdserver: request is too large', sent: true, kind: 'verdict', code: 'too-large' },
  {
    details: 'etcdserver: too many operations in txn request',
    sent: true,
    kind: 'verdict',
    code: 'too-large',
  },
  { details: 'etcdserver: requested lease not found', sent: true, kind: 'verdict', code: 'invalid' },
  {
    details: 'etcdserver: mvcc: required revision has been compacted',
    sent: true,
    kind: 'verdict',
    code: 'compacted',
  },
  { details: 'etcdserver: permission denied', sent: true, kind: 'verdict', says: /namespace/ },
  { details: 'unknown service etcdserverpb.KV', sent: true, kind: 'verdict', says: /not etcd v3/ },
];

for (const { details, sent, kind, code, says } of rows) {
  test(`"${details}"${sent ? '' : ' before it was sent'} is ${kind}`, () => {
    const failure = failureOf(
      Object.assign(new Error(`13 INTERNAL: ${details}`), { code: 13, details }),
      sent,
    );
    assert.equal(failure.kind, kind);
    assert.equal(failure.toStoreError().code, code ?? 'unavailable');
    assert.match(failure.message, says ?? /./);
  });
}
