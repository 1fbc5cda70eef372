import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Query } from './query.ts';

test('names may repeat, come without a value, and are unescaped', () => {
  const query = Query.parse('tag=a&tag=b%26c&recurse&x=1=2&&plus=a+b')!;
  assert.deepEqual(query.all('tag'), ['a', 'b&c']);
  assert.equal(query.get('tag'), 'a');
  assert.ok(query.has('recurse'));
  assert.equal(query.get('recurse'), '');
  assert.equal(query.get('x'), '1=2');
  assert.equal(query.get('plus'), 'a b');
  assert.ok(!query.has(''));
});

test('a broken escape spoils the whole query', () => {
  assert.equal(Query.parse('a=1&%zz'), undefined);
  assert.equal(Query.parse('a=%4'), undefined);
});

test('it prints sorted by name, values of one name in their order', () => {
  assert.equal(Query.parse('release=abc&cas=1&acquire=d%20e')!.encode(), 'acquire=d+e&cas=1&release=abc');
  assert.equal(Query.parse('b=2&a=1&b=1&recurse')!.encode(), 'a=1&b=2&b=1&recurse=');
});
