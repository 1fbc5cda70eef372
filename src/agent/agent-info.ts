/** What this agent says of itself at /v1/agent/self and its kin. Field sets as consul.md 1.1 lists them. */
import { arch, cpus, platform } from 'node:os';
import type { AgentSelf, Member } from '@portolan/sdk/wire';
import type { Config } from '../config/config.ts';
import type { AgentInfo } from '../http/deps.ts';
import { compatVersion, version } from '../lib/version.ts';
import type { Registry } from '../registry/registry.ts';

export interface AgentInfoDeps {
  readonly registry: Registry;
  readonly revision: () => number;
  /** '' when the registrar is off. */
  readonly registrarId: string;
}

export function agentInfo(config: Config, nodeId: string, deps: AgentInfoDeps): AgentInfo {
  const { advertise } = config.addresses;
  const host = advertise.includes(':') ? `[${advertise}]` : advertise;
  const server = `${host}:${config.ports.server}`;
  return {
    nodeName: config.nodeName,
    nodeId,
    version: compatVersion,
    revision: `portolan-${version}`,
    buildDate: '2026-01-01T00:00:00Z',
    nodeMeta: config.nodeMeta,
    members: () => [self(config, nodeId)],
    leader: () => server,
    peers: () => [server],
    debugConfig: () => debugConfig(config, deps.registrarId),
    stats: () => stats(deps, server, config),
  };
}

/** One agent is a whole cluster of one server. */
function self(config: Config, nodeId: string): Member {
  return {
    Name: config.nodeName,
    Addr: config.addresses.advertise,
    Port: 8301,
    Tags: {
      acls: '0',
      bootstrap: '1',
      build: `${compatVersion}:`,
      dc: config.datacenter,
      ft_fs: '1',
      ft_si: '1',
      id: nodeId,
      port: String(config.ports.server),
      raft_vsn: '3',
      role: 'consul',
      segment: '',
      vsn: '2',
      vsn_max: '3',
      vsn_min: '2',
      wan_join_port: '8302',
    },
    Status: 1,
    ProtocolMin: 1,
    ProtocolMax: 5,
    ProtocolCur: 2,
    DelegateMin: 2,
    DelegateMax: 5,
    DelegateCur: 4,
  };
}

/** Names that clients of Consul look for, then our own configuration. Tokens and the like are not in a Config. */
function debugConfig(config: Config, registrarId: string): Readonly<Record<string, unknown>> {
  return {
    ACLsEnabled: false,
    Datacenter: config.datacenter,
    DevMode: config.dev,
    NodeName: config.nodeName,
    ServerMode: true,
    UIConfig: { Enabled: false },
    RegistrarID: registrarId,
    Portolan: config,
  };
}

function stats({ registry, revision }: AgentInfoDeps, leader: string, config: Config): AgentSelf['Stats'] {
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
      bootstrap: 'true',
      known_datacenters: '1',
      leader: 'true',
      leader_addr: leader,
      server: 'true',
    },
    raft: {
      applied_index: index,
      commit_index: index,
      last_log_index: index,
      num_peers: '0',
      state: 'Leader',
    },
    runtime: { arch: arch(), cpu_count: String(cpus().length), os: platform(), version: process.version },
    serf_lan: { failed: '0', left: '0', members: '1' },
    serf_wan: { failed: '0', left: '0', members: '1' },
    portolan: { data_dir: config.dataDir, heap_bytes: String(process.memoryUsage().heapUsed), version },
  };
}
