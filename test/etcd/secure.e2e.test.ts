/** etcd with users and with TLS. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';

import { commit, put, state } from '../../src/store/conformance/harness.testkit.ts';
import { StoreError } from '../../src/store/store.ts';
import { type Etcd, startEtcd } from './etcd.testkit.ts';
import { following, openStore, urlOf } from './stores.testkit.ts';

async function unavailable(promise: Promise<unknown>, message: RegExp): Promise<void> {
  await assert.rejects(promise, (error: unknown) => {
    assert.ok(error instanceof StoreError, String(error));
    assert.equal(error.code, 'unavailable');
    assert.match(error.message, message);
    return true;
  });
}

describe('users and TLS', { concurrency: 2 }, () => {
  test('a user and a password, and a token that etcd has forgotten', async () => {
    const etcd = await startEtcd();
    try {
      await etcd.ctl('user', 'add', 'root:secret');
      await etcd.ctl('user', 'add', 'agent:pass:word');
      await etcd.ctl('role', 'add', 'portolan');
      await etcd.ctl('role', 'grant-permission', '--prefix=true', 'portolan', 'readwrite', 'test/');
      await etcd.ctl('user', 'grant-role', 'agent', 'portolan');
      await etcd.ctl('user', 'grant-role', 'root', 'root');
      await etcd.ctl('auth', 'enable');
      await checkUsers(etcd);
    } finally {
      await etcd.stop();
    }
  });

  test('TLS: a private authority, a client certificate, a name, or any certificate', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'etcd-tls-'));
    const files = makeCertificates(dir);
    const etcd = await startEtcd({ tls: { cert: files.cert, key: files.key, clientCa: files.ca } });
    try {
      await checkTls(etcd, files);
    } finally {
      await etcd.stop();
      rmSync(dir, { recursive: true });
    }
  });
});

async function checkUsers(etcd: Etcd): Promise<void> {
  const url = urlOf(etcd);
  await unavailable(openStore({ url }), /demands a user and a password/);
  await unavailable(
    openStore({ url, user: 'agent', password: 'wrong' }),
    /does not take this user and password/,
  );
  const elsewhere = urlOf(etcd, 'elsewhere');
  await unavailable(
    openStore({ url: elsewhere, user: 'agent', password: 'pass:word' }),
    /does not let this user/,
  );
  const store = await openStore({ url: url.replace('etcd://', 'etcd://agent:pass%3Aword@') });
  try {
    const follower = following(store, await commit(store, [put('a', '1')]));
    const lease = await store.lease(5);
    // A simple token lives in the server's memory.
    await etcd.members[0]!.kill();
    await etcd.members[0]!.start();
    assert.equal(await lease.keepAlive(), true);
    await follower.until(await commit(store, [put('a', '2')]));
    assert.deepEqual(await state(store), ['a=2']);
    assert.equal(follower.error(), undefined);
    follower.stop();
  } finally {
    await store.close();
  }
}

async function checkTls(etcd: Etcd, files: ReturnType<typeof makeCertificates>): Promise<void> {
  const { ca, cert, key } = files;
  const secure = urlOf(etcd).replace('etcd://', 'etcds://');
  const client = { certFile: cert, keyFile: key };
  await unavailable(openStore({ url: urlOf(etcd), openMs: 500 }), /No etcd can be used/);
  await unavailable(openStore({ url: secure, ...client, openMs: 500 }), /certificate/);
  await unavailable(openStore({ url: secure, caFile: ca, openMs: 500 }), /certificate|No etcd can be used/);
  const ways = [
    { url: secure, ...client, caFile: ca },
    { url: `${secure}?insecure=true`, ...client },
    { url: `${urlOf(etcd)}?ca=${ca}&cert=${cert}&key=${key}&server_name=etcd.example` },
  ];
  for (const way of ways) {
    const store = await openStore(way);
    const follower = following(store, await store.barrier());
    await follower.until(await commit(store, [put('a', '1')]));
    follower.stop();
    await store.close();
  }
}

function makeCertificates(dir: string): { ca: string; cert: string; key: string } {
  const at = (name: string): string => join(dir, name);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    at('ca.key'),
    '-out',
    at('ca.pem'),
    '-subj',
    '/CN=test authority',
  );
  openssl(
    'req',
    ...newKey.slice(0, 5),
    '-keyout',
    at('key.pem'),
    '-out',
    at('csr.pem'),
    '-subj',
    '/CN=etcd',
    '-addext',
    'subjectAltName=IP:127.0.0.1,DNS:etcd.example',
  );
  openssl(
    'x509',
    '-req',
    '-in',
    at('csr.pem'),
    '-CA',
    at('ca.pem'),
    '-CAkey',
    at('ca.key'),
    '-CAcreateserial',
    '-days',
    '2',
    '-copy_extensions',
    'copy',
    '-out',
    at('cert.pem'),
  );
  return { ca: at('ca.pem'), cert: at('cert.pem'), key: at('key.pem') };
}
