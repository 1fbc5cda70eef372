import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Decimal } from './decimal.ts';

test('sums and products are exact, quotients have 16 places', () => {
  const rows: readonly (readonly [Decimal, number])[] = [
    [Decimal.of(0.1).add(Decimal.of(0.2)), 0.3],
    [Decimal.of(1).subtract(Decimal.of(0.9)), 0.1],
    [Decimal.of(1.1).multiply(Decimal.of(1.1)), 1.21],
    [Decimal.of(10).divide(Decimal.of(3)), 10 / 3],
    [Decimal.of(-2).divide(Decimal.of(3)), -0.6666666666666667],
    [Decimal.of(1e21).add(Decimal.of(1e-7)), 1e21],
    [Decimal.of(-1.5e-10).multiply(Decimal.of(2)), -3e-10],
  ];
  for (const [value, want] of rows) assert.equal(value.toNumber(), want);
  assert.throws(() => Decimal.of(1).divide(Decimal.of(0)), { message: 'decimal division by 0' });
});
