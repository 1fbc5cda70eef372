import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bcryptHash, longestPassword } from './bcrypt.ts';

test('hashes are those that others make', () => {
  // Vectors of crypt_blowfish.
  const salt = Buffer.from('10410410410410410410410410410410', 'hex');
  assert.equal(
    bcryptHash(Buffer.from('U*U'), 5, salt),
    '$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW',
  );
  assert.equal(
    bcryptHash(Buffer.from('U*U*'), 5, salt),
    '$2a$05$CCCCCCCCCCCCCCCCCCCCC.VGOzA784oUp/Z0DY336zx7pLYAy0lwK',
  );
});

test('a password that would be cut is refused', () => {
  assert.throws(() => bcryptHash(Buffer.alloc(longestPassword + 1, 'a'), 4), RangeError);
});
