import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brokenEscape, cleanPath, encodePath, isPrintable, percentDecode } from './path.ts';

test('paths are cleaned as Go cleans them, a trailing slash kept', () => {
  const rows: [string, string][] = [
    ['/v1/kv/a', '/v1/kv/a'],
    ['/v1/kv/a/', '/v1/kv/a/'],
    ['/v1/kv//a', '/v1/kv/a'],
    ['//v1/kv/a', '/v1/kv/a'],
    ['/v1/kv/./a', '/v1/kv/a'],
    ['/v1/kv/a/.', '/v1/kv/a'],
    ['/v1/kv/a/..', '/v1/kv'],
    ['/v1/kv/../kv/a', '/v1/kv/a'],
    ['/../..', '/'],
    ['/..//', '/'],
    ['/v1/kv/..a/.b/c..', '/v1/kv/..a/.b/c..'],
    ['/v1/kv/...', '/v1/kv/...'],
    ['v1', '/v1'],
    ['', '/'],
    ['/', '/'],
  ];
  for (const [path, want] of rows) assert.equal(cleanPath(path), want, path);
});

test('cleaning is idempotent', () => {
  for (const path of ['/a//b/../c/./d/', '//', '/a/../../b', '/./.']) {
    assert.equal(cleanPath(cleanPath(path)), cleanPath(path));
  }
});

test('a path is decoded once and a broken escape is told', () => {
  assert.equal(percentDecode('/a%2Fb%25c+d'), '/a/b%c+d');
  assert.equal(percentDecode('a+b%20c', true), 'a b c');
  assert.equal(percentDecode('%zz'), undefined);
  assert.equal(percentDecode('%ff'), undefined);
  assert.equal(brokenEscape('a%zzb'), '%zz');
  assert.equal(brokenEscape('100%'), '%');
  assert.equal(brokenEscape('%ff'), undefined);
});

test('only characters that print are let through', () => {
  for (const path of ['/v1/kv/a b', '/ümläut/日本', '/sym!$&()*,;=:@~_-.', '/😀'])
    assert.ok(isPrintable(path), path);
  for (const path of ['/a\u0001', '/a\u0000', '/a\n', '/a\u007f', '/a\u00a0b', '/\u200b', '/\ue000']) {
    assert.ok(!isPrintable(path), JSON.stringify(path));
  }
});

test('a Location escapes what Go escapes', () => {
  assert.equal(encodePath("/a b/ü?#'(x)$&+,:;=@~"), '/a%20b/%C3%BC%3F%23%27%28x%29$&+,:;=@~');
  assert.equal(encodePath('/100%'), '/100%25');
});
