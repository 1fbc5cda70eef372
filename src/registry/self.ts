import { defaultWeights } from '../model/service.ts';
import { addressFamily } from '../model/service-rules.ts';
import type { SelfRows } from './own-rows.ts';

export interface SelfOptions {
  readonly id: string;
  readonly name: string;
  /** What other hosts reach this node at. */
  readonly address: string;
  /** Win over the derived ones. */
  readonly taggedAddresses: Readonly<Record<string, string>>;
  readonly meta: Readonly<Record<string, string>>;
  /** Port of the agent's own service. */
  readonly serverPort: number;
  readonly version: string;
}

/** The rows that every agent puts into the catalog: its node and the service `consul`. consul.md 2.6. */
export function selfRows(options: SelfOptions): SelfRows {
  const { address } = options;
  const family = addressFamily(address);
  const derived: Record<string, string> = { lan: address, wan: address };
  if (family !== undefined) {
    derived[`lan_${family}`] = address;
    derived[`wan_${family}`] = address;
  }
  return {
    node: {
      id: options.id,
      name: options.name,
      address,
      taggedAddresses: { ...derived, ...options.taggedAddresses },
      meta: { 'consul-network-segment': '', ...options.meta },
    },
    services: [
      {
        id: 'consul',
        name: 'consul',
        tags: [],
        address: '',
        port: options.serverPort,
        taggedAddresses: null,
        // What Consul's servers say about themselves; some clients read the version.
        meta: {
          raft_version: '3',
          serf_protocol_current: '2',
          serf_protocol_max: '5',
          serf_protocol_min: '1',
          version: options.version,
        },
        weights: defaultWeights,
        enableTagOverride: false,
        socketPath: '',
      },
    ],
  };
}
