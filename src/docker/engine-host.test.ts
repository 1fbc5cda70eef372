import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { DockerError } from './docker.ts';
import { parseEngineHost } from './engine-host.ts';

test('an engine is where DOCKER_HOST says, or on its usual socket', () => {
  assert.equal(parseEngineHost('', {}).socketPath, '/var/run/docker.sock');
  assert.equal(parseEngineHost('', { DOCKER_HOST: 'unix:///tmp/d.sock' }).socketPath, '/tmp/d.sock');
  assert.equal(parseEngineHost('unix:///a', { DOCKER_HOST: 'unix:///b' }).endpoint, 'unix:///a');
  assert.equal(parseEngineHost('tcp://10.0.0.5:2375', {}).origin, 'http://10.0.0.5:2375');
  assert.equal(parseEngineHost('tcp://10.0.0.5', {}).origin, 'http://10.0.0.5:2375');
  assert.equal(parseEngineHost('tcp://[::1]:80', {}).origin, 'http://[::1]');
});

test('DOCKER_TLS_VERIFY and DOCKER_CERT_PATH turn TCP into TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-certs-'));
  try {
    const env = { DOCKER_TLS_VERIFY: '1', DOCKER_CERT_PATH: folder };
    assert.throws(() => parseEngineHost('tcp://h:2376', env), /certificates for tcp:\/\/h:2376.*ca.pem/);
    for (const name of ['ca', 'cert', 'key']) writeFileSync(join(folder, `${name}.pem`), name);
    const host = parseEngineHost('tcp://h', env);
    assert.equal(host.origin, 'https://h:2376');
    assert.deepEqual(host.tls, { ca: 'ca', cert: 'cert', key: 'key', verify: true });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('an address of another kind is refused with what would do', () => {
  for (const host of [
    'ssh://root@h',
    'npipe:////./pipe/docker_engine',
    '/var/run/docker.sock',
    'unix://x',
    'tcp://',
  ]) {
    assert.throws(
      () => parseEngineHost(host, {}),
      (error) => error instanceof DockerError && error.code === 'protocol',
      host,
    );
  }
});
