import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatColumns } from './columns.ts';

test('columns are as wide as their widest cell, two spaces apart, without trailing spaces', () => {
  assert.equal(
    formatColumns([
      ['Node', 'Address'],
      ['n', '10.0.0.1:8301'],
    ]),
    'Node  Address\nn     10.0.0.1:8301\n',
  );
  assert.equal(formatColumns([]), '');
});
