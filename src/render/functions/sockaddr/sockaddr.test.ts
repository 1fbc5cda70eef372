import assert from 'node:assert/strict';
import { test } from 'node:test';
import { evaluateOffline } from '../../eval.ts';
import { addressAttribute, addressText, contains, parseAddress } from './address.ts';
import type { Address } from './address.ts';
import type { InterfaceAddress } from './interfaces.ts';
import { calculate } from './math.ts';
import { isOfRfc } from './networks.ts';
import { sortBy, split, uniqueBy } from './select.ts';

function address(text: string): Address {
  const parsed = parseAddress(text);
  assert.ok(parsed, text);
  return parsed;
}

const row = (name: string, text: string, flags = 'up broadcast multicast running'): InterfaceAddress => {
  return {
    address: address(text),
    name,
    index: 1,
    mtu: 1500,
    mac: '02:00:00:00:00:01',
    flags: flags.split(' '),
  };
};

const rows = [
  row('lo', '127.0.0.1/8', 'up loopback running'),
  row('eth0', '10.1.2.3/24'),
  row('eth0', 'fe80::1/64'),
  row('eth1', '8.8.8.8/16'),
  row('eth1', '2600::5/128'),
];

const shown = (list: readonly InterfaceAddress[]): string =>
  list.map((each) => addressText(each.address)).join(' ');

test('addresses tell of themselves and their networks', () => {
  const wanted: readonly (readonly [string, string, string | undefined])[] = [
    ['10.1.2.3/24', 'network', '10.1.2.0'],
    ['10.1.2.3/24', 'broadcast', '10.1.2.255'],
    ['10.1.2.3/24', 'first_usable', '10.1.2.1'],
    ['10.1.2.3/31', 'first_usable', '10.1.2.2'],
    ['10.1.2.3/31', 'last_usable', '10.1.2.3'],
    ['10.1.2.3/24', 'netmask', '255.255.255.0'],
    ['10.1.2.3/24', 'size', '256'],
    ['10.1.2.3/24', 'uint32', '167838211'],
    ['10.1.2.3/24', 'hex', '0a010203'],
    ['10.1.2.3/24', 'octets', '10 1 2 3'],
    ['fe80::1/64', 'last_usable', 'fe80::ffff:ffff:ffff:ffff'],
    ['fe80::1/64', 'size', '18446744073709551616'],
    ['fe80::1/64', 'broadcast', undefined],
    ['fe80::1', 'string', 'fe80::1'],
    ['10.1.2.3/24', 'nope', undefined],
  ];
  for (const [text, name, want] of wanted)
    assert.equal(addressAttribute(address(text), name), want, `${text} ${name}`);
  assert.equal(parseAddress('10.0.0.1/33'), undefined);
  assert.equal(parseAddress('x'), undefined);
});

test('networks of RFCs hold what lies in them', () => {
  assert.equal(isOfRfc(1918, address('172.31.0.1')), true);
  assert.equal(isOfRfc(1918, address('172.32.0.1')), false);
  assert.equal(isOfRfc(6890, address('fc00::1')), true);
  assert.equal(isOfRfc(1, address('10.0.0.1')), undefined);
  assert.equal(contains(address('10.0.0.0/8'), address('10.0.0.0/7')), false);
});

test('include and exclude choose by selector', () => {
  const wanted: readonly (readonly [string, string, string])[] = [
    ['name', '^eth', '10.1.2.3/24 fe80::1/64 8.8.8.8/16 2600::5'],
    ['address', '^10', '10.1.2.3/24'],
    ['type', 'ipv6', 'fe80::1/64 2600::5'],
    ['rfc', '6890', '127.0.0.1/8 10.1.2.3/24 fe80::1/64'],
    ['network', '10.0.0.0/8|8.0.0.0/8', '10.1.2.3/24 8.8.8.8/16'],
    ['flag', 'loopback', '127.0.0.1/8'],
    ['flags', 'forwardable', '10.1.2.3/24 8.8.8.8/16 2600::5'],
    ['flags', 'link-local unicast', 'fe80::1/64'],
    ['port', '^0$', '127.0.0.1/8 10.1.2.3/24 fe80::1/64 8.8.8.8/16 2600::5'],
  ];
  for (const [selector, parameter, want] of wanted) {
    assert.equal(
      shown(split('include', selector, parameter, rows).matched),
      want,
      `${selector} ${parameter}`,
    );
  }
  assert.equal(shown(split('exclude', 'name', 'eth', rows).rest), '127.0.0.1/8');
  assert.throws(() => split('exclude', 'x', '', rows), { message: 'invalid exclude selector "x"' });
  assert.throws(() => split('include', 'flag', 'x', rows), { message: 'Unknown interface flag: "x"' });
  assert.throws(() => split('include', 'size', '64', rows), {
    message: 'mask size out of bounds for IPv4 address: 64',
  });
});

test('sort goes by clauses, unique drops repetitions', () => {
  assert.equal(shown(sortBy('type,size', rows)), '127.0.0.1/8 8.8.8.8/16 10.1.2.3/24 fe80::1/64 2600::5');
  assert.equal(shown(sortBy('-name,type', rows)), '127.0.0.1/8 8.8.8.8/16 2600::5 10.1.2.3/24 fe80::1/64');
  assert.equal(shown(sortBy('-private,name', rows)), '8.8.8.8/16 2600::5 10.1.2.3/24 fe80::1/64 127.0.0.1/8');
  assert.equal(shown(uniqueBy('name', rows)), '127.0.0.1/8 10.1.2.3/24 8.8.8.8/16');
});

test('math moves addresses', () => {
  const wanted: readonly (readonly [string, string, string, string])[] = [
    ['10.1.2.3/24', 'address', '+5', '10.1.2.8/24'],
    ['0.0.0.0/24', 'address', '-1', '255.255.255.255/24'],
    ['10.1.2.3/24', 'network', '+5', '10.1.2.5/24'],
    ['10.1.2.3/24', 'network', '-1', '10.1.2.255/24'],
    ['fe80::1/64', 'network', '-1', 'fe80::ffff:ffff:ffff:ffff/64'],
    ['10.1.2.3/24', 'mask', '16', '10.1.0.0/16'],
    ['10.1.2.3/24', 'mask', '30', '10.1.2.0/24'],
  ];
  for (const [text, operation, value, want] of wanted) {
    assert.equal(
      addressText(calculate(operation, value, address(text))),
      want,
      `${text} ${operation} ${value}`,
    );
  }
  assert.throws(() => calculate('address', '5', address('10.0.0.1')), {
    message: 'sign (+/-) is required for operation "address"',
  });
});

test('templates ask in its own language', () => {
  const ask = (text: string): string =>
    evaluateOffline({ text: `{{sockaddr ${JSON.stringify(text)}}}`, fixture: {} }).output;
  assert.equal(
    ask('GetAllInterfaces | include "name" "^lo$" | include "type" "ipv4" | join "address" ","'),
    '127.0.0.1',
  );
  assert.equal(ask('GetInterfaceIP "portolan-none"'), '');
  assert.throws(() => ask('Nope'), {
    message: /unable to parse template "\{\{ Nope \}\}": .*function "Nope" not defined/,
  });
  assert.throws(() => ask('GetAllInterfaces | sort "x"'), {
    message: /unable to execute sockaddr input .*error calling sort: unknown sort type: "x"/,
  });
});
