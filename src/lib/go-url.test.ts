import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatGoUrl, hostnameOf, parseGoUrl } from './go-url.ts';

test('URLs come out as they went in', () => {
  const same = [
    'http://u:p%20w@h:80/a%20b/c?x=1&y#f%20g',
    'http://[::1]:8080/x',
    'mailto:a@b',
    '//host/x',
    '/rel?q',
    'http://h?',
    '',
    '*',
    'http://h/a%2Fb',
  ];
  for (const text of same) assert.equal(formatGoUrl(parseGoUrl(text)), text);
  assert.equal(formatGoUrl(parseGoUrl('HTTP://Host/ü')), 'http://Host/%C3%BC');
});

test('parts are unescaped, hosts lose port and brackets', () => {
  const url = parseGoUrl('http://u@h:80/a%20b#c%20d');
  assert.deepEqual([url.path, url.fragment, url.userinfo, url.host], ['/a b', 'c d', 'u', 'h:80']);
  assert.equal(hostnameOf('h:80'), 'h');
  assert.equal(hostnameOf('[::1]:80'), '::1');
  assert.equal(hostnameOf('[::1]'), '::1');
});

test('what is no URL is refused', () => {
  const bad: readonly (readonly [string, string])[] = [
    [':x', 'missing protocol scheme'],
    ['1:x', 'first path segment in URL cannot contain colon'],
    ['http://h:x/', 'invalid port ":x" after host'],
    ['http://h/%zz', 'invalid URL escape "%zz"'],
    ['http://[::1/', "missing ']' in host"],
    ['http://a b/', 'invalid character " " in host name'],
  ];
  for (const [text, reason] of bad) {
    assert.throws(() => parseGoUrl(text), {
      name: 'GoUrlError',
      message: `parse ${JSON.stringify(text)}: ${reason}`,
    });
  }
});

test('a refusal quotes the fragment only for a fault of its own', () => {
  assert.throws(() => parseGoUrl('http://h:x/#f'), {
    message: 'parse "http://h:x/": invalid port ":x" after host',
  });
  assert.throws(() => parseGoUrl('http://h/#%zz'), {
    message: 'parse "http://h/#%zz": invalid URL escape "%zz"',
  });
});
