import assert from 'node:assert/strict';
import { test } from 'node:test';
import { consulFromEnvironment, isConsulAddress } from './consul-address.ts';

test('an address is a host with a port, a URL or a socket', () => {
  const good = [
    '',
    '127.0.0.1:8500',
    'consul',
    '[::1]:8500',
    'http://c:8500',
    'https://c',
    'unix:///run/c.sock',
  ];
  for (const text of good) assert.ok(isConsulAddress(text), text);
  for (const text of ['foo bar', '127.0.0.1:99999', 'ftp://c', 'unix://', '::1:8500', 'http://'])
    assert.ok(!isConsulAddress(text), text);
});

test('the variables of Consul’s clients count', () => {
  const silent = consulFromEnvironment({}, undefined);
  assert.deepEqual([silent.address, silent.auth, silent.tls], ['127.0.0.1:8500', null, null]);
  const env = {
    CONSUL_HTTP_ADDR: 'c:8501',
    CONSUL_HTTP_AUTH: 'u:p:q',
    CONSUL_HTTP_TOKEN_FILE: '/t',
    CONSUL_NAMESPACE: 'team',
    CONSUL_HTTP_SSL: 'TRUE',
    CONSUL_HTTP_SSL_VERIFY: '0',
    CONSUL_CACERT: '/ca',
    CONSUL_CAPATH: '/cap',
    CONSUL_CLIENT_CERT: '/c',
    CONSUL_CLIENT_KEY: '/k',
    CONSUL_TLS_SERVER_NAME: 'n',
  };
  const { tls, ...rest } = consulFromEnvironment(env, undefined);
  assert.deepEqual(rest, {
    address: 'c:8501',
    token: '',
    tokenFile: '/t',
    namespace: 'team',
    auth: { username: 'u', password: 'p:q' },
  });
  const files = { cert: '/c', key: '/k', caCert: '/ca', caCertBytes: '', caPath: '/cap', serverName: 'n' };
  assert.deepEqual(tls, { verify: false, ...files });
});

test('certificates in the environment are for addresses with https', () => {
  const env = { CONSUL_CACERT: '/ca', CONSUL_HTTP_SSL: 'false' };
  assert.equal(consulFromEnvironment(env, 'http://c').tls, null);
  assert.equal(consulFromEnvironment(env, 'https://c').tls?.caCert, '/ca');
  assert.equal(consulFromEnvironment({}, 'https://c').tls, null);
});

test('a variable that is no address is named', () => {
  assert.throws(
    () => consulFromEnvironment({ CONSUL_HTTP_ADDR: 'a b' }, ''),
    /CONSUL_HTTP_ADDR: "a b" is not/,
  );
});
