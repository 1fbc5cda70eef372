import { type Check, serfHealth } from '../model/check.ts';
import { CheckRow, type CheckShape, type Host } from './rows.ts';

/**
 * Nodes that are run by an agent, and whether it is alive.
 *
 * `member/<node>` says that an agent runs the node, `live/<node>` is there as long as the agent keeps its lease,
 * `state/<node>` was written when that last changed. A member's serfHealth is not stored: it is derived from these.
 */

/** What an agent says of itself in `member/<node>`. */
export interface MemberInfo {
  readonly name: string;
  /** UUID of the node. */
  readonly id: string;
  readonly address: string;
  readonly httpPort: number;
  readonly serverPort: number;
  /** The agent's version, as clients of Consul read it. */
  readonly build: string;
  /** It went by its own will, or somebody had it leave: its node is not in the catalog any more. */
  readonly left?: boolean;
}

/** `live/<node>`: who holds the name. */
export interface LiveInfo {
  readonly id: string;
  /** Made anew at every start. */
  readonly incarnation: string;
}

/** A member as other parts see it. */
export interface ClusterMember extends MemberInfo {
  readonly status: 'alive' | 'left' | 'failed';
}

/** What the replica holds of one node's agent. Only the catalog's state changes it. */
export class Membership {
  info: MemberInfo | undefined = undefined;
  infoRevision = 0;
  createRevision = 0;
  live: (LiveInfo & { readonly revision: number }) | undefined = undefined;
  isUp = false;
  /** Of `state/<node>`; 0 if there is none. */
  stateRevision = 0;
  /** When this replica saw `live/` go and nobody had written so; else 0. */
  vanishedAt = 0;

  get empty(): boolean {
    return this.info === undefined && this.live === undefined && this.stateRevision === 0;
  }

  get member(): ClusterMember | undefined {
    if (this.info === undefined) return undefined;
    const status = this.info.left === true ? 'left' : this.live === undefined ? 'failed' : 'alive';
    return { ...this.info, status };
  }

  /** The check of the agent's node; undefined when none is to be shown. */
  check(host: Host, nodeCreateRevision: number): CheckRow | undefined {
    if (this.info === undefined || this.info.left === true) return undefined;
    const created = Math.max(this.createRevision, nodeCreateRevision);
    const modified = Math.max(created, this.stateRevision, this.vanishedAt);
    return new CheckRow(host, shape, this.live === undefined ? dead : alive, created, modified);
  }
}

const shape: CheckShape = Object.freeze({
  serviceName: '',
  serviceTags: Object.freeze([]),
  notes: '',
  type: '',
  interval: '',
  timeout: '',
  definition: null,
  deregisterAfterMs: 0,
});

// Source: consul.md 2.6.
const alive: Pick<Check, 'id' | 'name' | 'status' | 'output' | 'serviceId'> = Object.freeze({
  id: serfHealth,
  name: 'Serf Health Status',
  status: 'passing',
  output: 'Agent alive and reachable',
  serviceId: '',
});
const dead = Object.freeze({ ...alive, status: 'critical', output: 'Agent not live or unreachable' });

export function encodeMember(info: MemberInfo): Uint8Array {
  const { name, id, address, httpPort, serverPort, build, left } = info;
  const gone = left === true ? { left } : {};
  return Buffer.from(JSON.stringify({ name, id, address, httpPort, serverPort, build, ...gone }));
}

export function encodeLive({ id, incarnation }: LiveInfo): Uint8Array {
  return Buffer.from(JSON.stringify({ id, incarnation }));
}

export function encodeState(up: boolean): Uint8Array {
  return Buffer.from(JSON.stringify({ up }));
}
