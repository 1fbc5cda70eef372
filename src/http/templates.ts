/** The agent's templates: what each waits for, when it was rendered, and how its command ended. */
import { jsonAnswer, type Answer } from './answer.ts';
import type { Deps } from './deps.ts';
import { HttpError } from './errors.ts';
import type { HttpRequest } from './request.ts';

export function templates(request: HttpRequest, deps: Deps): Answer {
  if (!request.authorize.allows('agent', deps.agent.nodeName, 'read')) {
    throw new HttpError(403, 'Permission denied');
  }
  return jsonAnswer(deps.templates?.() ?? [], request.pretty);
}
