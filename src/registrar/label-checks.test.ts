import assert from 'node:assert/strict';
import { test } from 'node:test';
import { buildLabelCheck } from './label-checks.ts';
import { parseMetadata } from './metadata.ts';

function build(...env: readonly string[]): ReturnType<typeof buildLabelCheck> {
  const metadata = parseMetadata({ env: env.map((line) => `SERVICE_${line}`), labels: {} })({
    port: 80,
    protocol: 'tcp',
  });
  return buildLabelCheck(metadata, { id: 'n:x:80', name: 'web', address: '10.0.0.1', port: 3000 });
}

const kinds: readonly (readonly [string, readonly string[], unknown])[] = [
  ['http', ['CHECK_HTTP=/health'], { type: 'http', url: 'http://10.0.0.1:3000/health', method: 'GET' }],
  ['http without a slash', ['CHECK_HTTP=health'], { type: 'http', url: 'http://10.0.0.1:3000/health' }],
  [
    'http, by port',
    ['80_CHECK_HTTP=/p', 'CHECK_HTTP_METHOD=HEAD'],
    { url: 'http://10.0.0.1:3000/p', method: 'HEAD' },
  ],
  [
    'https',
    ['CHECK_HTTPS=/', 'CHECK_TLS_SKIP_VERIFY=true'],
    { url: 'https://10.0.0.1:3000/', tlsSkipVerify: true },
  ],
  ['http wins over tcp', ['CHECK_TCP=1', 'CHECK_HTTP=/'], { type: 'http' }],
  ['tcp', ['CHECK_TCP=true'], { type: 'tcp', address: '10.0.0.1:3000', tls: false }],
  ['ttl', ['CHECK_TTL=30s'], { type: 'ttl', ttlMs: 30_000 }],
  ['ttl wins over tcp', ['CHECK_TTL=1m', 'CHECK_TCP=1'], { type: 'ttl', ttlMs: 60_000 }],
];

test('the first check that the labels ask for is made', () => {
  for (const [name, env, want] of kinds) {
    const { check, problems } = build(...env);
    assert.deepEqual(problems, [], name);
    assert.ok(check !== undefined, name);
    assert.equal(check.id, 'service:n:x:80');
    for (const [key, value] of Object.entries(want as object))
      assert.equal((check.kind as never)[key], value, name);
  }
});

test('interval, time-out, first status and the time to deregister are taken', () => {
  const { check } = build(
    'CHECK_TCP=1',
    'CHECK_INTERVAL=15s',
    'CHECK_TIMEOUT=500ms',
    'CHECK_INITIAL_STATUS=passing',
    'CHECK_DEREGISTER_AFTER=2m',
  );
  assert.deepEqual(
    [check?.intervalMs, check?.timeoutMs, check?.status, check?.deregisterCriticalAfterMs],
    [15_000, 500, 'passing', 120_000],
  );
  assert.equal(build('CHECK_TCP=1').check?.intervalMs, 10_000);
  assert.equal(build('CHECK_TTL=1s').check?.intervalMs, 0);
});

const none: readonly (readonly [string, readonly string[], RegExp | undefined])[] = [
  ['nothing asked for', ['CHECK_INTERVAL=5s'], undefined],
  ['an empty value', ['CHECK_HTTP='], undefined],
  ['CHECK_TCP=false', ['CHECK_TCP=false'], undefined],
  [
    'a bad interval',
    ['CHECK_HTTP=/', 'CHECK_INTERVAL=10'],
    /CHECK_INTERVAL "10" is no duration.*without the check/,
  ],
  ['a bad time-out', ['CHECK_HTTP=/', 'CHECK_TIMEOUT=soon'], /CHECK_TIMEOUT/],
  ['a bad ttl', ['CHECK_TTL=x'], /CHECK_TTL "x"/],
  ['a zero interval', ['CHECK_TCP=1', 'CHECK_INTERVAL=0s'], /CHECK_INTERVAL/],
  ['a script', ['CHECK_SCRIPT=curl -f $SERVICE_IP', 'CHECK_TCP=1'], /CHECK_SCRIPT.*not run/],
  ['a command in the container', ['CHECK_CMD=/bin/ok'], /CHECK_CMD/],
  ['grpc', ['CHECK_GRPC=1'], /CHECK_GRPC/],
];

test('a check that cannot be made is left out, and why is said', () => {
  for (const [name, env, problem] of none) {
    const { check, problems } = build(...env);
    assert.equal(check, undefined, name);
    if (problem === undefined) assert.deepEqual(problems, [], name);
    else assert.match(problems.join(), problem, name);
  }
});

test('a first status that is none costs the check nothing', () => {
  const { check, problems } = build('CHECK_TCP=1', 'CHECK_INITIAL_STATUS=ok');
  assert.equal(check?.status, '');
  assert.match(problems.join(), /"ok" is none of passing/);
});

test('IPv6 addresses stand in brackets', () => {
  const metadata = parseMetadata({ env: ['SERVICE_CHECK_HTTP=/'], labels: {} })({
    port: 80,
    protocol: 'tcp',
  });
  const { check } = buildLabelCheck(metadata, { id: 'a', name: 'a', address: 'fd00::5', port: 80 });
  assert.ok(check?.kind.type === 'http');
  assert.equal(check.kind.url, 'http://[fd00::5]:80/');
});
