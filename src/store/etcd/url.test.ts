import assert from 'node:assert/strict';
import { test } from 'node:test';

import { StoreError } from '../store.ts';
import { type EtcdAddress, type EtcdSettings, parseEtcdUrl } from './url.ts';

const plain: EtcdAddress = {
  endpoints: ['h1:2379'],
  namespace: 'portolan/',
  user: '',
  password: '',
  tls: undefined,
};
const tls = { caFile: '', certFile: '', keyFile: '', serverName: '', insecure: false };

const valid: readonly { input: EtcdSettings | string; want: Partial<EtcdAddress> }[] = [
  { input: 'etcd://h1', want: {} },
  { input: 'etcd://h1:2379/', want: {} },
  { input: 'etcd://h1:2379,h2:4001', want: { endpoints: ['h1:2379', 'h2:4001'] } },
  { input: 'etcd://[::1]:2379,[fe80::1]', want: { endpoints: ['[::1]:2379', '[fe80::1]:2379'] } },
  { input: 'etcd://h1/a/b/', want: { namespace: 'a/b/' } },
  { input: 'etcd://u:p%40ss:word@h1', want: { user: 'u', password: 'p@ss:word' } },
  { input: 'etcds://h1', want: { tls } },
  { input: 'etcd://h1?tls=true', want: { tls } },
  { input: 'etcd://h1?tls=false', want: {} },
  { input: 'etcd://h1?insecure=true', want: { tls: { ...tls, insecure: true } } },
  {
    input: 'etcd://h1?ca=/a&cert=/c&key=/k&server_name=n',
    want: { tls: { caFile: '/a', certFile: '/c', keyFile: '/k', serverName: 'n', insecure: false } },
  },
  {
    input: { url: 'etcd://u:p@h1/n', namespace: 'm', user: 'v', password: 'q', caFile: '/a' },
    want: { namespace: 'm/', user: 'v', password: 'q', tls: { ...tls, caFile: '/a' } },
  },
  { input: { url: 'etcd://h1/n', namespace: '', user: '' }, want: { namespace: 'n/' } },
];

for (const { input, want } of valid) {
  test(`${typeof input === 'string' ? input : JSON.stringify(input)} is understood`, () => {
    assert.deepEqual(parseEtcdUrl(input), { ...plain, ...want });
  });
}

const invalid: readonly { input: string; reason: RegExp }[] = [
  { input: 'http://h1:2379', reason: /write etcd:\/\// },
  { input: 'etcd://', reason: /a host is missing/ },
  { input: 'etcd://h1,,h2', reason: /a host is missing/ },
  { input: 'etcd://h1,h1:2379', reason: /names h1:2379 twice/ },
  { input: 'etcd://::1:2379', reason: /IPv6 goes in brackets/ },
  { input: 'etcd://h1:99999', reason: /no valid port/ },
  { input: 'etcd://:x@h1', reason: /user before @ is empty/ },
  { input: 'etcd://h1?timeout=3', reason: /not 'timeout'/ },
  { input: 'etcd://h1?cert=/c', reason: /needs its key/ },
  { input: 'etcd://h1?tls=yes', reason: /true or false/ },
  { input: 'etcds://h1?tls=false', reason: /contradicts/ },
  { input: 'etcd://h1/%zz', reason: /percent-encoded/ },
];

for (const { input, reason } of invalid) {
  test(`${input} is refused with the reason`, () => {
    assert.throws(
      () => parseEtcdUrl(input),
      (error: unknown) =>
        error instanceof StoreError && error.code === 'invalid' && reason.test(error.message),
    );
  });
}

test('no error shows a password', () => {
  assert.throws(
    () => parseEtcdUrl('etcd://u:secret@h1?x=1'),
    (error: Error) => !error.message.includes('secret'),
  );
});
