import { nodeSelectors, nodeServiceSelectors, parseFilter, serviceNodeSelectors } from '../catalog/filter.ts';
import type { NodeRow, ServiceRow } from '../catalog/rows.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import { visible, type Authorize } from './authorize.ts';
import type { Deps } from './deps.ts';
import { renderJson, renderRows } from './render.ts';
import type { HttpRequest } from './request.ts';
import { joinViews, nodeMetaFilter, sortNear, tagFilter } from './select.ts';
import { requiredName } from './tail.ts';
import type { Family, Rendered, ViewSpec } from './views.ts';
import { wireNode, wireNodeService, wireServiceNode } from './wire.ts';

/** Reads of /v1/catalog. */

const family: Family = {
  effectiveConsistency: true,
  failuresHaveMeta: true,
  cacheable: false,
  streaming: false,
};
const cachedFamily: Family = { ...family, cacheable: true };

type Result = Answer | Promise<Answer>;

export function maySeeNode(authorize: Authorize, node: NodeRow): boolean {
  return authorize.allows('node', node.name, 'read');
}

export function maySeeService(authorize: Authorize, service: ServiceRow): boolean {
  return authorize.allows('service', service.name, 'read') && maySeeNode(authorize, service.node);
}

export function datacenters(request: HttpRequest, deps: Deps): Answer {
  return jsonAnswer([deps.options.datacenter], request.pretty);
}

export function nodes(request: HttpRequest, deps: Deps): Result {
  return deps.views.answer(request, family, (): ViewSpec<readonly NodeRow[]> => {
    const matches = parseFilter(request.query.get('filter'), nodeSelectors, deps.options.datacenter);
    const hasMeta = nodeMetaFilter(request);
    return {
      view: deps.catalog.nodes(),
      render: (all) => {
        const rows = visible(request.authorize, all, maySeeNode).filter(
          (row) => (hasMeta === undefined || hasMeta(row)) && matches(row),
        );
        const near = sortNear(request, rows, deps.agent.nodeName, (row) => row.name);
        return renderRows(near, (row) => wireNode(row, deps.options.datacenter), request.pretty);
      },
    };
  });
}

export function services(request: HttpRequest, deps: Deps): Result {
  const filtered = request.query.get('filter') !== '' || request.query.has('node-meta');
  return filtered || request.authorize.visibility !== ''
    ? someServices(request, deps)
    : deps.views.answer(request, cachedFamily, () => ({
        view: deps.catalog.services(),
        render: (all) => renderJson(Object.fromEntries(all), request.pretty),
      }));
}

/** Names with the tags of those instances that the request asks for and its sender may see. */
function someServices(request: HttpRequest, deps: Deps): Result {
  return deps.views.answer(request, cachedFamily, () => {
    const matches = parseFilter(request.query.get('filter'), serviceNodeSelectors, deps.options.datacenter);
    const hasMeta = nodeMetaFilter(request);
    return {
      view: joinViews(deps.catalog.allServices(), deps.catalog.nodes()),
      render: ([all]): Rendered => {
        const tags = new Map<string, Set<string>>();
        for (const row of all) {
          const wanted = (hasMeta === undefined || hasMeta(row.node)) && matches(row);
          if (!wanted || !maySeeService(request.authorize, row)) continue;
          const known = tags.get(row.name);
          if (known === undefined) tags.set(row.name, new Set(row.tags));
          else for (const tag of row.tags) known.add(tag);
        }
        const sorted = [...tags].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
        return renderJson(Object.fromEntries(sorted.map(([name, set]) => [name, [...set]])), request.pretty);
      },
    };
  });
}

export function service(request: HttpRequest, deps: Deps): Result {
  const name = requiredName(request, 'Missing service name');
  return deps.views.answer(request, cachedFamily, (): ViewSpec<readonly ServiceRow[]> => {
    const matches = parseFilter(request.query.get('filter'), serviceNodeSelectors, deps.options.datacenter);
    const hasTags = tagFilter(request);
    const hasMeta = nodeMetaFilter(request);
    return {
      view: deps.catalog.service(name),
      render: (all) => {
        const rows = visible(request.authorize, all, maySeeService).filter(
          (row) =>
            (hasTags === undefined || hasTags(row)) &&
            (hasMeta === undefined || hasMeta(row.node)) &&
            matches(row),
        );
        const near = sortNear(request, rows, deps.agent.nodeName, (row) => row.node.name);
        return renderRows(near, (row) => wireServiceNode(row, deps.options.datacenter), request.pretty);
      },
    };
  });
}

export function node(request: HttpRequest, deps: Deps): Result {
  return oneNode(request, deps, (found) =>
    found === undefined
      ? null
      : {
          Node: wireNode(found.node, deps.options.datacenter),
          Services: Object.fromEntries(found.services.map((row) => [row.id, wireNodeService(row)])),
        },
  );
}

export function nodeServices(request: HttpRequest, deps: Deps): Result {
  return oneNode(request, deps, (found) =>
    found === undefined
      ? { Node: null, Services: null }
      : {
          Node: wireNode(found.node, deps.options.datacenter),
          // Go prints an empty list that was never made as null.
          Services: found.services.length === 0 ? null : found.services.map(wireNodeService),
        },
  );
}

type NodeWithServices = { readonly node: NodeRow; readonly services: readonly ServiceRow[] };

function oneNode(
  request: HttpRequest,
  deps: Deps,
  encode: (found: NodeWithServices | undefined) => unknown,
): Result {
  const name = requiredName(request, 'Missing node name');
  return deps.views.answer(request, family, () => {
    const matches = parseFilter(request.query.get('filter'), nodeServiceSelectors);
    return {
      view: deps.catalog.node(name),
      render: (found): Rendered => {
        // A node that is not there has no index in Consul; who waited for it is told that of its deletion.
        if (found === undefined) return { ...renderJson(encode(undefined), request.pretty), firstIndex: 1 };
        if (!maySeeNode(request.authorize, found.node)) {
          return renderJson(encode(undefined), request.pretty);
        }
        const rows = visible(request.authorize, found.services, maySeeService).filter((row) => matches(row));
        return renderJson(encode({ node: found.node, services: rows }), request.pretty);
      },
    };
  });
}
