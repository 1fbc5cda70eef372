import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isYes, parseMetadata, parseTags } from './metadata.ts';

test('the nearest word wins: protocol, port, general, and the label over the env', () => {
  const env = [
    'SERVICE_X=env',
    'SERVICE_80_X=port-env',
    'SERVICE_80_TCP_X=proto-env',
    'PATH=/bin',
    'SERVICE_EMPTY',
    'SERVICE_=y',
  ];
  const layers: readonly (readonly [Readonly<Record<string, string>>, number, 'tcp' | 'udp', string])[] = [
    [{ SERVICE_80_TCP_X: 'proto-label' }, 80, 'tcp', 'proto-label'],
    [{ SERVICE_80_X: 'port-label' }, 80, 'tcp', 'proto-env'],
    [{ SERVICE_80_X: 'port-label' }, 80, 'udp', 'port-label'],
    [{ SERVICE_X: 'label' }, 80, 'udp', 'port-env'],
    [{ SERVICE_X: 'label' }, 81, 'tcp', 'label'],
    [{}, 81, 'tcp', 'env'],
  ];
  for (const [labels, port, protocol, want] of layers) {
    const metadata = parseMetadata({ env, labels })({ port, protocol });
    assert.equal(metadata.get('x'), want, JSON.stringify([labels, port, protocol]));
    assert.equal(metadata.isOfPort('x'), port === 80);
    assert.equal(metadata.get('empty'), '');
    assert.deepEqual(metadata.pairs.map(([key]) => key).sort(), ['empty', 'x']);
  }
});

test('of keys that differ in case alone the first in order counts, whatever Docker lists first', () => {
  for (const labels of [
    { SERVICE_Ab: '2', SERVICE_AB: '1' },
    { SERVICE_AB: '1', SERVICE_Ab: '2' },
  ]) {
    assert.equal(parseMetadata({ env: [], labels })({ port: 1, protocol: 'tcp' }).get('ab'), '1');
  }
});

test('tags are cut at commas that no backslash stands before', () => {
  assert.deepEqual(parseTags('a,b\\,c,d,,'), ['a', 'b,c', 'd']);
  assert.deepEqual(parseTags(''), []);
  assert.deepEqual(parseTags('a, b'), ['a', ' b']);
});

test('a yes is everything that is no no', () => {
  for (const word of ['1', 'true', 'yes', 'anything']) assert.ok(isYes(word), word);
  for (const word of ['', '0', 'false', 'FALSE', 'no', 'off']) assert.ok(!isYes(word), word);
});
