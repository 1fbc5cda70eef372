import type { Catalog } from '../catalog/catalog.ts';
import { nodeKey } from '../catalog/keys.ts';
import type { Compare } from '../store/store.ts';
import { alivePrefix, delayPrefix, liveKey, sessionPrefix } from './session-keys.ts';
import { checksOf, type SessionFields, type SessionRow } from './session-row.ts';
import type { SessionTable } from './session-table.ts';

export interface SessionRulesDeps {
  readonly sessions: Pick<SessionTable, 'state'>;
  readonly catalog: Pick<Catalog, 'rowsOf'>;
  /** Whether an agent runs this node: it has a key `live/<node>` as long as it does. Default: none is. */
  readonly isAgent?: (node: string) => boolean;
}

/** What makes a session, and what ends it: pure functions of the replica, and the compares that pin them. */
export class SessionRules {
  readonly #deps: SessionRulesDeps;

  constructor(deps: SessionRulesDeps) {
    this.#deps = deps;
  }

  /** Why there can be no such session, in Consul's words; undefined when there can. */
  problem(session: SessionFields): string | undefined {
    const { node, checks } = this.#deps.catalog.rowsOf(session.node);
    if (node === undefined) return 'Missing node registration';
    for (const id of checksOf(session)) {
      const check = checks.get(id);
      if (check === undefined) return `Missing check '${id}' registration`;
      if (check.status === 'critical') return `Check '${id}' is in critical state`;
    }
    return undefined;
  }

  /**
   * What must still hold when the session is made. Its checks are not among it: should one turn critical at the same
   * time, the session ends as soon as it is there.
   */
  birth(session: SessionFields): readonly Compare[] {
    const node: Compare = { key: nodeKey(session.node), exists: true };
    return this.#isBoundToAgent(session) ? [node, agentIsLive(session)] : [node];
  }

  /** What must hold for the session to take or give back a lock; undefined when it can't. */
  life(id: string): readonly Compare[] | undefined {
    const session = this.#deps.sessions.state.row(id);
    if (session === undefined || !this.isAlive(session)) return undefined;
    const when: Compare[] = [
      { key: sessionPrefix + id, modRevision: session.modifyIndex },
      { key: alivePrefix + id, exists: true },
    ];
    if (this.#isBoundToAgent(session)) when.push(agentIsLive(session));
    return when;
  }

  isAlive(session: SessionRow): boolean {
    return this.#deps.sessions.state.isAlive(session.id) && this.problem(session) === undefined;
  }

  /** Whether the key waits for a lock delay, and the compare that says it does not. */
  isDelayed(key: string): boolean {
    return this.#deps.sessions.state.isDelayed(key);
  }

  notDelayed(key: string): Compare {
    return { key: delayPrefix + key, exists: false };
  }

  /** An agent's serfHealth is no row: it follows from the agent's live key. */
  #isBoundToAgent(session: SessionFields): boolean {
    return checksOf(session).includes('serfHealth') && this.#deps.isAgent?.(session.node) === true;
  }
}

function agentIsLive(session: SessionFields): Compare {
  return { key: liveKey(session.node), exists: true };
}
