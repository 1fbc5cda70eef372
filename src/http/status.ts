import { jsonAnswer, type Answer } from './answer.ts';
import type { Deps } from './deps.ts';
import type { HttpRequest } from './request.ts';
import { checkDatacenter } from './views.ts';

/** /v1/status: who leads. Probes and clients ask it to see whether anybody is there. */

/** '' while the store does not answer: whoever leads, this agent can't know. */
export function leader(request: HttpRequest, deps: Deps): Answer {
  checkDatacenter(request, deps.options.datacenter);
  const known = deps.views.freshness.inTouch();
  return jsonAnswer(known ? deps.agent.leader() : '', request.pretty);
}

export function peers(request: HttpRequest, deps: Deps): Answer {
  checkDatacenter(request, deps.options.datacenter);
  return jsonAnswer(deps.agent.peers(), request.pretty);
}
