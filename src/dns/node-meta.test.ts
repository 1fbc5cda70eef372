import assert from 'node:assert/strict';
import { test } from 'node:test';
import { metaStrings } from './node-meta.ts';

const cases: readonly { readonly key: string; readonly value: string; readonly want: string }[] = [
  { key: 'env', value: 'prod', want: 'env=prod' },
  { key: 'empty', value: '', want: 'empty=' },
  { key: 'rack', value: 'r=7', want: 'rack=r=7' },
  { key: 'a=b', value: 'c', want: 'a`=b=c' },
  { key: 'tick`', value: 'a`b', want: 'tick``=a``b' },
  { key: '  k ', value: ' v ', want: '` ` k` = v ' },
  { key: 'rfc1035-raw', value: 'only `the` value', want: 'only `the` value' },
  { key: 'RFC1035-x', value: 'also', want: 'also' },
  { key: 'rfc1035-none', value: '', want: '' },
  { key: 'umlaut', value: 'ä', want: 'umlaut=ä' },
];

test('meta pairs are written as RFC 1464 attributes or bare values', () => {
  for (const { key, value, want } of cases) {
    assert.deepEqual(
      metaStrings(key, value).map((part) => Buffer.from(part).toString()),
      [want],
      key,
    );
  }
});

test('text above 255 bytes is cut into several strings', () => {
  const strings = metaStrings('k', 'v'.repeat(512));
  assert.deepEqual(
    strings.map((part) => part.length),
    [255, 255, 4],
  );
  assert.equal(Buffer.concat(strings).toString(), `k=${'v'.repeat(512)}`);
});
