import { jsonAnswer, type Answer } from './answer.ts';
import type { Deps } from './deps.ts';
import type { HttpRequest } from './request.ts';
import { checkDatacenter } from './views.ts';

/** /v1/status: who leads. Probes and clients ask it to see whether anybody is there. */

export function leader(request: HttpRequest, deps: Deps): Answer {
  checkDatacenter(request, deps.options.datacenter);
  return jsonAnswer(deps.agent.leader(), request.pretty);
}

export function peers(request: HttpRequest, deps: Deps): Answer {
  checkDatacenter(request, deps.options.datacenter);
  return jsonAnswer(deps.agent.peers(), request.pretty);
}
