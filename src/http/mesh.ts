import type { View } from '../watch/view.ts';
import { textAnswer, type Answer } from './answer.ts';
import type { Deps } from './deps.ts';
import { renderJson } from './render.ts';
import type { HttpRequest } from './request.ts';
import { requiredName } from './tail.ts';
import type { Family } from './views.ts';

/** What clients that probe for a service mesh are told: that there is none. */

const family: Family = {
  effectiveConsistency: true,
  failuresHaveMeta: false,
  cacheable: false,
  streaming: false,
};

/** Never moves: what is empty here stays empty. */
function constantView<T>(value: T): View<T> {
  return { topics: [], index: () => 1, read: () => value };
}

export function connectDisabled(): Answer {
  return textAnswer(500, 'Connect must be enabled in order to use this endpoint');
}

/** catalog/connect/:service, health/connect/:service: no instance of any service speaks for the mesh. */
export function connectInstances(request: HttpRequest, deps: Deps): Answer | Promise<Answer> {
  const name = requiredName(request, 'Missing service name');
  const view = deps.catalog.service(name);
  return deps.views.answer(request, family, () => ({
    view: { topics: view.topics, index: () => view.index(), read: () => [] },
    render: (rows) => renderJson(rows, request.pretty),
  }));
}

export function ingressInstances(request: HttpRequest, deps: Deps): Answer | Promise<Answer> {
  requiredName(request, 'Missing service name');
  return constant(request, deps, []);
}

export function gatewayServices(request: HttpRequest, deps: Deps): Answer | Promise<Answer> {
  requiredName(request, 'Missing gateway name');
  return constant(request, deps, null);
}

/** config/:kind, connect/intentions: empty lists with index headers. */
export function emptyList(request: HttpRequest, deps: Deps): Answer | Promise<Answer> {
  return constant(request, deps, []);
}

function constant(request: HttpRequest, deps: Deps, value: unknown): Answer | Promise<Answer> {
  return deps.views.answer(request, family, () => ({
    view: constantView(value),
    render: (rows) => renderJson(rows, request.pretty),
  }));
}
