/** Names of query parameters. Those marked `flag` count by their presence, whatever their value. */
export const parameters = {
  index: 'index',
  wait: 'wait',
  hash: 'hash',
  /** flag */
  stale: 'stale',
  /** flag */
  consistent: 'consistent',
  /** flag */
  leader: 'leader',
  maxStale: 'max_stale',
  /** flag */
  cached: 'cached',
  dc: 'dc',
  datacenter: 'datacenter',
  token: 'token',
  filter: 'filter',
  near: 'near',
  nodeMeta: 'node-meta',
  tag: 'tag',
  passing: 'passing',
  /** flag */
  pretty: 'pretty',
  ns: 'ns',
  partition: 'partition',
  /** flag */
  recurse: 'recurse',
  /** flag */
  keys: 'keys',
  separator: 'separator',
  /** flag */
  raw: 'raw',
  flags: 'flags',
  cas: 'cas',
  acquire: 'acquire',
  release: 'release',
  enable: 'enable',
  reason: 'reason',
  note: 'note',
  replaceExistingChecks: 'replace-existing-checks',
  format: 'format',
} as const;

/** Response headers, spelled as servers send them: some clients compare bytes. */
export const headers = {
  index: 'X-Consul-Index',
  knownLeader: 'X-Consul-Knownleader',
  lastContact: 'X-Consul-Lastcontact',
  effectiveConsistency: 'X-Consul-Effective-Consistency',
  queryBackend: 'X-Consul-Query-Backend',
  defaultAclPolicy: 'X-Consul-Default-Acl-Policy',
  contentHash: 'X-Consul-Contenthash',
  reason: 'X-Consul-Reason',
  cache: 'X-Cache',
  token: 'X-Consul-Token',
  namespace: 'X-Consul-Namespace',
  partition: 'X-Consul-Partition',
} as const;
