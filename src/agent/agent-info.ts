/** What this agent says of itself at /v1/agent/self and its kin. Field sets as consul.md 1.1 lists them. */
import { arch, cpus, platform } from 'node:os';
import type { AgentSelf, Member } from '@portolan/sdk/wire';
import type { ClusterMember } from '../catalog/member.ts';
import type { Config } from '../config/config.ts';
import type { AgentInfo } from '../http/deps.ts';
import { hostPort } from '../lib/host-port.ts';
import { compatVersion, version } from '../lib/version.ts';
import type { ClusterInfo } from './cluster.ts';
import type { Registry } from '../registry/registry.ts';

export interface AgentInfoDeps {
  readonly registry: Registry;
  readonly reload: () => Promise<void>;
  readonly cluster: Pick<ClusterInfo, 'members' | 'leader' | 'isLead' | 'leave' | 'forceLeave'>;
  readonly revision: () => number;
  /** '' when the registrar is off. */
  readonly registrarId: string;
}

export function agentInfo(config: Config, nodeId: string, deps: AgentInfoDeps): AgentInfo {
  const server = hostPort(config.addresses.advertise, config.ports.server);
  return {
    nodeName: config.nodeName,
    nodeId,
    version: compatVersion,
    revision: `portolan-${version}`,
    buildDate: '2026-01-01T00:00:00Z',
    nodeMeta: config.nodeMeta,
    members: () => members(config, nodeId, deps.cluster.members()),
    leader: () => deps.cluster.leader(),
    peers: () => addresses(deps.cluster.members(), server),
    leave: () => deps.cluster.leave(),
    reload: deps.reload,
    forceLeave: (node, { prune }) => deps.cluster.forceLeave(node, { forget: prune }),
    debugConfig: () => debugConfig(config, deps.registrarId),
    stats: () => stats(deps, config),
  };
}

// Source: consul.md 1.1; those that Consul has for members on their way are not used here.
const statusCodes = { alive: 1, left: 3, failed: 4 } as const;

/** This agent first, then the others by name. */
function members(config: Config, nodeId: string, all: readonly ClusterMember[]): readonly Member[] {
  const own = all.find(({ id }) => id === nodeId);
  const others = all.filter((member) => member !== own);
  const lone = { id: nodeId, name: config.nodeName, address: config.addresses.advertise };
  const self = own ?? {
    ...lone,
    httpPort: config.ports.http,
    serverPort: config.ports.server,
    build: compatVersion,
    status: 'alive',
  };
  const isAlone = config.store.url === '';
  return [self, ...others].map((member) => wireMember(member, config.datacenter, isAlone));
}

/** Every agent is a server. */
function wireMember(member: ClusterMember, datacenter: string, isAlone: boolean): Member {
  return {
    Name: member.name,
    Addr: member.address,
    Port: 8301,
    Tags: {
      acls: '0',
      ...(isAlone ? { bootstrap: '1' } : {}),
      build: `${member.build}:`,
      dc: datacenter,
      ft_fs: '1',
      ft_si: '1',
      id: member.id,
      port: String(member.serverPort),
      raft_vsn: '3',
      role: 'consul',
      segment: '',
      vsn: '2',
      vsn_max: '3',
      vsn_min: '2',
      wan_join_port: '8302',
    },
    Status: statusCodes[member.status],
    ProtocolMin: 1,
    ProtocolMax: 5,
    ProtocolCur: 2,
    DelegateMin: 2,
    DelegateMax: 5,
    DelegateCur: 4,
  };
}

function addresses(all: readonly ClusterMember[], own: string): readonly string[] {
  const alive = all.filter(({ status }) => status === 'alive');
  return alive.length === 0 ? [own] : alive.map(({ address, serverPort }) => hostPort(address, serverPort));
}

/** Names that clients of Consul look for, then our own configuration without its secrets. */
function debugConfig(config: Config, registrarId: string): Readonly<Record<string, unknown>> {
  return {
    ACLsEnabled: false,
    Datacenter: config.datacenter,
    DevMode: config.dev,
    NodeName: config.nodeName,
    ServerMode: true,
    UIConfig: { Enabled: false },
    RegistrarID: registrarId,
    Portolan: { ...config, store: withoutSecrets(config.store) },
  };
}

function withoutSecrets(store: Config['store']): Config['store'] {
  const url = store.url.replace(/\/\/[^/@]*@/, '//');
  return { ...store, url, password: store.password === '' ? '' : 'hidden' };
}

function stats({ registry, revision, cluster }: AgentInfoDeps, config: Config): AgentSelf['Stats'] {
  const all = cluster.members();
  const count = (status: ClusterMember['status']): string =>
    String(all.filter((member) => member.status === status).length);
  const checks = [...registry.checks().values()];
  const index = String(revision());
  return {
    agent: {
      check_monitors: String(checks.filter(({ type }) => type === 'http' || type === 'tcp').length),
      check_ttls: String(checks.filter(({ type }) => type === 'ttl').length),
      checks: String(checks.length),
      services: String(registry.services().size),
    },
    build: { prerelease: '', revision: `portolan-${version}`, version: compatVersion },
    consul: {
      acl: 'disabled',
      bootstrap: String(config.store.url === ''),
      known_datacenters: '1',
      leader: String(cluster.isLead()),
      leader_addr: cluster.leader(),
      server: 'true',
    },
    raft: {
      applied_index: index,
      commit_index: index,
      last_log_index: index,
      num_peers: String(Math.max(0, Number(count('alive')) - 1)),
      state: cluster.isLead() ? 'Leader' : 'Follower',
    },
    runtime: { arch: arch(), cpu_count: String(cpus().length), os: platform(), version: process.version },
    serf_lan: { failed: count('failed'), left: count('left'), members: String(Math.max(1, all.length)) },
    serf_wan: { failed: '0', left: '0', members: '1' },
    portolan: { data_dir: config.dataDir, heap_bytes: String(process.memoryUsage().heapUsed), version },
  };
}
