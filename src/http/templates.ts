/** The agent's templates: what each waits for, when it was rendered, and how its command ended. */
import { requireAccess } from './authorize.ts';
import { jsonAnswer, type Answer } from './answer.ts';
import type { Deps } from './deps.ts';
import type { HttpRequest } from './request.ts';

export function templates(request: HttpRequest, deps: Deps): Answer {
  requireAccess(request, 'agent', deps.agent.nodeName, 'read');
  return jsonAnswer(deps.templates?.() ?? [], request.pretty);
}
