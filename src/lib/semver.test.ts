import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareVersions, formatVersion, parseVersion, satisfies } from './semver.ts';

test('versions are in the order of the specification', () => {
  const sorted =
    '1.0.0-alpha 1.0.0-alpha.1 1.0.0-alpha.beta 1.0.0-beta 1.0.0-beta.2 1.0.0-beta.11 1.0.0-rc.1 1.0.0 1.2'.split(
      ' ',
    );
  for (let i = 1; i < sorted.length; i++) {
    assert.ok(compareVersions(parseVersion(sorted[i - 1]!), parseVersion(sorted[i]!)) < 0, sorted[i]);
  }
  assert.equal(compareVersions(parseVersion('1.0.0+a'), parseVersion('v1')), 0);
  assert.equal(formatVersion(parseVersion('v1.2-rc+b')), '1.2.0-rc+b');
});

test('constraints take what they name', () => {
  const rows: readonly (readonly [string, string, boolean])[] = [
    ['^1.2.3', '1.9.0', true],
    ['^1.2.3', '2.0.0', false],
    ['^0.2', '0.3.0', false],
    ['~1.2', '1.2.9', true],
    ['~1', '1.9.9', true],
    ['>11', '11.1.0', false],
    ['>1.2', '1.3.0', true],
    ['1.x', '1.5.0', true],
    ['1.2 - 1.4', '1.4.0', true],
    ['>=1.0, <2 || 3.x', '3.1.0', true],
    ['!=1.2', '1.2.5', false],
    ['>=1.0.0', '1.1.0-beta', false],
    ['>=1.0.0-0', '1.1.0-beta', true],
  ];
  for (const [constraint, version, want] of rows) {
    assert.equal(satisfies(constraint, version), want, `${constraint} ${version}`);
  }
});

test('what is neither is refused', () => {
  assert.throws(() => parseVersion('x'), { code: 'bad-version', message: 'invalid semantic version' });
  assert.throws(() => parseVersion('1.0.0-01'), { message: 'version segment starts with 0' });
  assert.throws(() => satisfies('foo', '1'), { code: 'bad-constraint', message: 'improper constraint: foo' });
});
