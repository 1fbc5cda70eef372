import type { Member } from '@portolan/sdk/wire';
import { ClusterError } from '../cluster/errors.ts';
import type { AgentInfo } from './deps.ts';

/** An agent that is its own only member and leader, at 127.0.0.1 in dc1. */
export function lonelyAgent(agent: Pick<AgentInfo, 'nodeName' | 'nodeId' | 'nodeMeta'>): AgentInfo {
  const leader = '127.0.0.1:8300';
  const member: Member = {
    Name: agent.nodeName,
    Addr: '127.0.0.1',
    Port: 8301,
    Tags: { dc: 'dc1', id: agent.nodeId, role: 'consul' },
    Status: 1,
    ProtocolMin: 1,
    ProtocolMax: 5,
    ProtocolCur: 2,
    DelegateMin: 2,
    DelegateMax: 5,
    DelegateCur: 4,
  };
  return {
    ...agent,
    version: '0.0.0',
    revision: '',
    buildDate: '2026-01-01T00:00:00Z',
    members: () => [member],
    leader: () => leader,
    peers: () => [leader],
    leave: () => Promise.resolve(),
    reload: () => Promise.resolve(),
    forceLeave: (node) =>
      Promise.reject(new ClusterError('unknown-member', `No node found with name '${node}'`)),
    debugConfig: () => ({}),
    stats: () => ({ agent: {}, consul: {}, raft: {}, runtime: {} }),
  };
}
