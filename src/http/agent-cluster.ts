import { ClusterError } from '../cluster/errors.ts';
import { requireAccess } from './authorize.ts';
import { type Answer, emptyAnswer } from './answer.ts';
import type { Deps } from './deps.ts';
import { HttpError } from './errors.ts';
import { parseBool } from './read-options.ts';
import type { HttpRequest } from './request.ts';
import { requiredName } from './tail.ts';

/** Agents that come and go: what Consul does by gossip, the store does here. */

/** Answered when this agent's node is out of the catalog; the agent stops then. */
export async function leave(request: HttpRequest, deps: Deps): Promise<Answer> {
  requireAccess(request, 'agent', deps.agent.nodeName, 'write');
  await deps.agent.leave();
  return emptyAnswer;
}

/** Reads the configuration files anew; a mistake in them changes nothing and is told. */
export async function reload(request: HttpRequest, deps: Deps): Promise<Answer> {
  requireAccess(request, 'agent', deps.agent.nodeName, 'write');
  try {
    await deps.agent.reload();
  } catch (error) {
    throw new HttpError(500, (error as Error).message);
  }
  return emptyAnswer;
}

/** Takes a dead agent out of the catalog at once; one that is alive is left alone. */
export async function forceLeave(request: HttpRequest, deps: Deps): Promise<Answer> {
  requireAccess(request, 'operator', deps.agent.nodeName, 'write');
  const { query } = request;
  const prune = query.has('prune') && (query.get('prune') === '' || parseBool(query.get('prune')) === true);
  try {
    await deps.agent.forceLeave(requiredName(request, 'Missing node name'), { prune });
  } catch (error) {
    if (!(error instanceof ClusterError) || error.code !== 'unknown-member') throw error;
    throw new HttpError(500, `agent: ${error.message}`);
  }
  return emptyAnswer;
}

/** Accepted: agents of one store are members of one cluster without being told. */
export function join(request: HttpRequest, deps: Deps): Answer {
  requireAccess(request, 'agent', deps.agent.nodeName, 'write');
  return emptyAnswer;
}
