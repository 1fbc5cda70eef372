/** Paths of the HTTP API. Those that end in `/` are followed by one percent-encoded name or, for `kv`, by a key. */
export const paths = {
  agentSelf: '/v1/agent/self',
  agentVersion: '/v1/agent/version',
  agentMembers: '/v1/agent/members',
  agentLeave: '/v1/agent/leave',
  agentReload: '/v1/agent/reload',
  agentForceLeave: '/v1/agent/force-leave/',
  agentJoin: '/v1/agent/join/',
  agentMetrics: '/v1/agent/metrics',
  agentTemplates: '/v1/agent/templates',
  agentServices: '/v1/agent/services',
  agentService: '/v1/agent/service/',
  agentServiceRegister: '/v1/agent/service/register',
  agentServiceDeregister: '/v1/agent/service/deregister/',
  agentServiceMaintenance: '/v1/agent/service/maintenance/',
  agentMaintenance: '/v1/agent/maintenance',
  agentHealthServiceId: '/v1/agent/health/service/id/',
  agentHealthServiceName: '/v1/agent/health/service/name/',
  agentChecks: '/v1/agent/checks',
  agentCheckRegister: '/v1/agent/check/register',
  agentCheckDeregister: '/v1/agent/check/deregister/',
  agentCheckPass: '/v1/agent/check/pass/',
  agentCheckWarn: '/v1/agent/check/warn/',
  agentCheckFail: '/v1/agent/check/fail/',
  agentCheckUpdate: '/v1/agent/check/update/',
  catalogRegister: '/v1/catalog/register',
  catalogDeregister: '/v1/catalog/deregister',
  catalogDatacenters: '/v1/catalog/datacenters',
  catalogNodes: '/v1/catalog/nodes',
  catalogServices: '/v1/catalog/services',
  catalogService: '/v1/catalog/service/',
  catalogNode: '/v1/catalog/node/',
  catalogNodeServices: '/v1/catalog/node-services/',
  healthNode: '/v1/health/node/',
  healthChecks: '/v1/health/checks/',
  healthService: '/v1/health/service/',
  healthState: '/v1/health/state/',
  kv: '/v1/kv/',
  sessionCreate: '/v1/session/create',
  sessionDestroy: '/v1/session/destroy/',
  sessionRenew: '/v1/session/renew/',
  sessionInfo: '/v1/session/info/',
  sessionNode: '/v1/session/node/',
  sessionList: '/v1/session/list',
  statusLeader: '/v1/status/leader',
  statusPeers: '/v1/status/peers',
} as const;

/**
 * A key or prefix as the tail of a path: each segment percent-encoded, slashes kept. Leading slashes are dropped, as
 * the server would redirect them away; so would it an empty segment (`a//b`), `.` and `..`.
 */
export function encodeKey(key: string): string {
  return key.replace(/^\/+/, '').split('/').map(encodeURIComponent).join('/');
}
