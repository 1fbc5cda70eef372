import assert from 'node:assert/strict';
import { test } from 'node:test';

import type { Service } from './service.ts';
import { packAddresses, unpackAddresses } from './tagged-addresses.ts';

const own = { address: '192.0.2.1', port: 80 };
const other = { address: '192.0.2.2', port: 80 };
const otherPort = { address: '192.0.2.1', port: 81 };
const own6 = { address: '2001:db8::1', port: 80 };

const cases: readonly [name: string, of: typeof own, tagged: Service['taggedAddresses'], packed: string][] = [
  ['none', own, null, 'kept'],
  ['an empty record', own, {}, 'kept'],
  ['the two that follow from an IPv4 address', own, { lan_ipv4: own, wan_ipv4: own }, 'ipv4'],
  ['the two in the other order', own, { wan_ipv4: own, lan_ipv4: own }, 'ipv4'],
  ['the two that follow from an IPv6 address', own6, { lan_ipv6: own6, wan_ipv6: own6 }, 'ipv6'],
  ['only one of them', own, { lan_ipv4: own }, 'kept'],
  ['only the other', own, { wan_ipv4: own }, 'kept'],
  ['another address', own, { lan_ipv4: own, wan_ipv4: other }, 'kept'],
  ['another port', own, { lan_ipv4: otherPort, wan_ipv4: own }, 'kept'],
  ['one of each family', own, { lan_ipv4: own, wan_ipv6: own }, 'kept'],
  ['one more', own, { lan_ipv4: own, wan_ipv4: own, virtual: own }, 'kept'],
  ['both families', own, { lan_ipv4: own, wan_ipv4: own, lan_ipv6: own, wan_ipv6: own }, 'kept'],
];

for (const [name, of, taggedAddresses, packed] of cases) {
  test(`tagged addresses come back as they were: ${name}`, () => {
    const kept = packAddresses({ ...of, taggedAddresses });
    assert.equal(typeof kept === 'string' ? kept : 'kept', packed);
    assert.deepEqual(unpackAddresses(kept, of), taggedAddresses);
  });
}
