/** Names of what a batch may have changed; a view lists those it depends on. Arguments are folded names. */
export const topics = {
  nodes: 'nodes',
  services: 'services',
  checks: 'checks',
  /** An agent came, changed, went or died. */
  members: 'members',
  node: (node: string): string => `node/${node}`,
  service: (service: string): string => `service/${service}`,
  checksOfNode: (node: string): string => `checks/node/${node}`,
  checksOfService: (service: string): string => `checks/service/${service}`,
  checksInState: (state: string): string => `checks/state/${state}`,
} as const;
