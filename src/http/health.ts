import { checkServiceNodeSelectors, healthCheckSelectors, parseFilter } from '../catalog/filter.ts';
import type { CheckRow, Instance } from '../catalog/rows.ts';
import type { View } from '../watch/view.ts';
import { textType, type Answer } from './answer.ts';
import { visible, type Authorize } from './authorize.ts';
import { maySeeNode, maySeeService } from './catalog.ts';
import type { Deps } from './deps.ts';
import { HttpError } from './errors.ts';
import { renderRows } from './render.ts';
import type { HttpRequest } from './request.ts';
import { nodeMetaFilter, sortNear, tagFilter, wantsPassing } from './select.ts';
import { requiredName } from './tail.ts';
import type { Family, Rendered, ViewSpec } from './views.ts';
import { wireCheck, wireEntry } from './wire.ts';

/** Reads of /v1/health. */

const family: Family = {
  effectiveConsistency: true,
  failuresHaveMeta: true,
  cacheable: false,
  streaming: false,
};

type Result = Answer | Promise<Answer>;

function maySeeInstance(authorize: Authorize, row: Instance): boolean {
  return maySeeService(authorize, row.service);
}

function maySeeCheck(authorize: Authorize, row: CheckRow): boolean {
  const ofService = row.serviceName === '' || authorize.allows('service', row.serviceName, 'read');
  return ofService && maySeeNode(authorize, row.node);
}

export function service(request: HttpRequest, deps: Deps): Result {
  const name = requiredName(request, 'Missing service name');
  const instances: Family = {
    effectiveConsistency: true,
    failuresHaveMeta: false,
    cacheable: true,
    streaming: request.query.get('near') === '',
  };
  return deps.views.answer(request, instances, (): ViewSpec<readonly Instance[]> => {
    const matches = parseFilter(
      request.query.get('filter'),
      checkServiceNodeSelectors,
      deps.options.datacenter,
    );
    const hasTags = tagFilter(request);
    const hasMeta = nodeMetaFilter(request);
    const wanted = (row: Instance): boolean =>
      (hasTags === undefined || hasTags(row.service)) &&
      (hasMeta === undefined || hasMeta(row.node)) &&
      matches(row);
    return {
      view: deps.catalog.health(name),
      render: (all) => {
        const passing = passingOrRefusal(request);
        if (typeof passing !== 'boolean') return passing;
        const rows = visible(request.authorize, all, maySeeInstance).filter(
          (row) => (!passing || isPassing(row)) && wanted(row),
        );
        const near = sortNear(request, rows, deps.agent.nodeName, (row) => row.node.name);
        return renderRows(near, (row) => wireEntry(row, deps.options.datacenter), request.pretty);
      },
    };
  });
}

/** A bad word for ?passing is noticed late: the refusal carries the view's index. */
function passingOrRefusal(request: HttpRequest): boolean | Rendered {
  try {
    return wantsPassing(request);
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { status: error.status, headers: textType, body: error.message };
  }
}

function isPassing(row: Instance): boolean {
  for (const check of row.checks) if (check.status !== 'passing') return false;
  return true;
}

export function node(request: HttpRequest, deps: Deps): Result {
  const name = requiredName(request, 'Missing node name');
  return checkList(request, deps, () => deps.catalog.checksOfNode(name), false);
}

export function checks(request: HttpRequest, deps: Deps): Result {
  const name = requiredName(request, 'Missing service name');
  return checkList(request, deps, () => deps.catalog.checksOfService(name), true);
}

export function state(request: HttpRequest, deps: Deps): Result {
  const word = requiredName(request, 'Missing check state').toLowerCase();
  return checkList(request, deps, () => deps.catalog.checksInState(word), true);
}

function checkList(
  request: HttpRequest,
  deps: Deps,
  find: () => View<readonly CheckRow[]>,
  ofManyNodes: boolean,
): Result {
  return deps.views.answer(request, family, () => {
    const matches = parseFilter(request.query.get('filter'), healthCheckSelectors);
    const hasMeta = ofManyNodes ? nodeMetaFilter(request) : undefined;
    return {
      view: find(),
      render: (all) => {
        const rows = visible(request.authorize, all, maySeeCheck).filter(
          (row) => (hasMeta === undefined || hasMeta(row.node)) && matches(row),
        );
        const near = ofManyNodes
          ? sortNear(request, rows, deps.agent.nodeName, (row) => row.node.name)
          : rows;
        return renderRows(near, wireCheck, request.pretty);
      },
    };
  });
}
