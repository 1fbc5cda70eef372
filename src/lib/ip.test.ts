import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatIp, hexIp, parseIp } from './ip.ts';

const round: readonly { text: string; canonical: string; hex: string }[] = [
  { text: '10.0.0.1', canonical: '10.0.0.1', hex: '0a000001' },
  { text: '255.255.255.255', canonical: '255.255.255.255', hex: 'ffffffff' },
  { text: '::', canonical: '::', hex: '00000000000000000000000000000000' },
  { text: '::1', canonical: '::1', hex: '00000000000000000000000000000001' },
  { text: '2001:DB8:0:0:1:0:0:1', canonical: '2001:db8::1:0:0:1', hex: '20010db8000000000001000000000001' },
  { text: '2001:db8::', canonical: '2001:db8::', hex: '20010db8000000000000000000000000' },
  { text: '1:2:3:4:5:6:7:8', canonical: '1:2:3:4:5:6:7:8', hex: '00010002000300040005000600070008' },
  { text: '64:ff9b::192.0.2.33', canonical: '64:ff9b::c000:221', hex: '0064ff9b0000000000000000c0000221' },
  { text: '::ffff:192.0.2.1', canonical: '192.0.2.1', hex: 'c0000201' },
];

test('addresses turn into bytes and back into canonical text', () => {
  for (const { text, canonical, hex } of round) {
    const bytes = parseIp(text);
    assert.ok(bytes, text);
    assert.equal(hexIp(bytes), hex);
    assert.equal(formatIp(bytes), canonical);
  }
});

test('what is no address is undefined', () => {
  for (const text of [
    '',
    '10.0.0',
    '10.0.0.256',
    '010.0.0.1',
    'host',
    '::1%lo',
    '1::2::3',
    '[::1]',
    ' 10.0.0.1',
  ]) {
    assert.equal(parseIp(text), undefined, text);
  }
});
