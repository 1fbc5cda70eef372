import { paths } from '@portolan/sdk/wire';
import * as agent from './agent.ts';
import * as agentCluster from './agent-cluster.ts';
import * as agentChecks from './agent-checks.ts';
import * as agentHealth from './agent-health.ts';
import * as agentServices from './agent-services.ts';
import * as catalog from './catalog.ts';
import * as catalogWrites from './catalog-writes.ts';
import * as health from './health.ts';
import * as kv from './kv.ts';
import * as mesh from './mesh.ts';
import type { Route } from './router.ts';
import * as session from './session.ts';
import * as status from './status.ts';
import { templates } from './templates.ts';

/** Every endpoint. A path that ends in `/` takes the rest of the path as a name or key. */
export const routes: readonly Route[] = [
  { path: paths.agentSelf, methods: { GET: agent.self }, ignoresNamespace: true },
  { path: paths.agentVersion, methods: { GET: agent.version }, ignoresNamespace: true },
  { path: paths.agentMembers, methods: { GET: agent.members }, ignoresNamespace: true },
  { path: paths.agentMetrics, methods: { GET: agent.metrics }, ignoresNamespace: true },
  { path: paths.agentTemplates, methods: { GET: templates }, ignoresNamespace: true },
  { path: paths.agentMaintenance, methods: { PUT: agent.nodeMaintenance }, ignoresNamespace: true },
  { path: paths.agentLeave, methods: { PUT: agentCluster.leave }, ignoresNamespace: true },
  { path: paths.agentReload, methods: { PUT: agentCluster.reload }, ignoresNamespace: true },
  { path: paths.agentForceLeave, methods: { PUT: agentCluster.forceLeave }, ignoresNamespace: true },
  { path: paths.agentJoin, methods: { PUT: agentCluster.join }, ignoresNamespace: true },
  { path: paths.agentServices, methods: { GET: agentServices.services } },
  { path: paths.agentService, methods: { GET: agentServices.service } },
  { path: paths.agentServiceRegister, methods: { PUT: agentServices.register } },
  { path: paths.agentServiceDeregister, methods: { PUT: agentServices.deregister } },
  { path: paths.agentServiceMaintenance, methods: { PUT: agentServices.maintenance } },
  { path: paths.agentHealthServiceId, methods: { GET: agentHealth.byId } },
  { path: paths.agentHealthServiceName, methods: { GET: agentHealth.byName } },
  { path: paths.agentChecks, methods: { GET: agentChecks.checks } },
  { path: paths.agentCheckRegister, methods: { PUT: agentChecks.register } },
  { path: paths.agentCheckDeregister, methods: { PUT: agentChecks.deregister } },
  { path: paths.agentCheckPass, methods: { PUT: agentChecks.pass } },
  { path: paths.agentCheckWarn, methods: { PUT: agentChecks.warn } },
  { path: paths.agentCheckFail, methods: { PUT: agentChecks.fail } },
  { path: paths.agentCheckUpdate, methods: { PUT: agentChecks.update } },
  { path: paths.catalogRegister, methods: { PUT: catalogWrites.register } },
  { path: paths.catalogDeregister, methods: { PUT: catalogWrites.deregister } },
  { path: paths.catalogDatacenters, methods: { GET: catalog.datacenters }, ignoresNamespace: true },
  { path: paths.catalogNodes, methods: { GET: catalog.nodes }, ignoresNamespace: true },
  { path: paths.catalogServices, methods: { GET: catalog.services } },
  { path: paths.catalogService, methods: { GET: catalog.service } },
  { path: paths.catalogNode, methods: { GET: catalog.node } },
  { path: paths.catalogNodeServices, methods: { GET: catalog.nodeServices } },
  { path: paths.healthNode, methods: { GET: health.node } },
  { path: paths.healthChecks, methods: { GET: health.checks } },
  { path: paths.healthService, methods: { GET: health.service } },
  { path: paths.healthState, methods: { GET: health.state } },
  { path: paths.kv, methods: { GET: kv.get, PUT: kv.put, DELETE: kv.remove } },
  { path: paths.sessionCreate, methods: { PUT: session.create } },
  { path: paths.sessionDestroy, methods: { PUT: session.destroy } },
  { path: paths.sessionRenew, methods: { PUT: session.renew } },
  { path: paths.sessionInfo, methods: { GET: session.info } },
  { path: paths.sessionNode, methods: { GET: session.ofNode } },
  { path: paths.sessionList, methods: { GET: session.all } },
  { path: paths.statusLeader, methods: { GET: status.leader }, ignoresNamespace: true },
  { path: paths.statusPeers, methods: { GET: status.peers }, ignoresNamespace: true },
  { path: '/v1/catalog/connect/', methods: { GET: mesh.connectInstances } },
  { path: '/v1/catalog/gateway-services/', methods: { GET: mesh.gatewayServices } },
  { path: '/v1/health/connect/', methods: { GET: mesh.connectInstances } },
  { path: '/v1/health/ingress/', methods: { GET: mesh.ingressInstances } },
  { path: '/v1/config/', methods: { GET: mesh.emptyList } },
  { path: '/v1/connect/intentions', methods: { GET: mesh.emptyList } },
  {
    path: '/v1/connect/',
    methods: { GET: mesh.connectDisabled, POST: mesh.connectDisabled, PUT: mesh.connectDisabled },
  },
  { path: '/v1/agent/connect/', methods: { GET: mesh.connectDisabled, POST: mesh.connectDisabled } },
];
