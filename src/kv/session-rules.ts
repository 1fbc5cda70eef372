import type { Catalog } from '../catalog/catalog.ts';
import { liveKey, nodeKey } from '../catalog/keys.ts';
import { serfHealth } from '../model/check.ts';
import type { Compare } from '../store/store.ts';
import { alivePrefix, delayPrefix, sessionPrefix } from './session-keys.ts';
import { checksOf, type SessionFields, type SessionRow } from './session-row.ts';
import type { SessionTable } from './session-table.ts';

export interface SessionRulesDeps {
  readonly sessions: Pick<SessionTable, 'state'>;
  readonly catalog: Pick<Catalog, 'live' | 'rowsOf'>;
}

/** What makes a session, and what ends it: pure functions of the replica, and the compares that pin them. */
export class SessionRules {
  readonly #deps: SessionRulesDeps;

  constructor(deps: SessionRulesDeps) {
    this.#deps = deps;
  }

  /** Why there can be no such session, in Consul's words; undefined when there can. */
  problem(session: SessionFields): string | undefined {
    return problemOn(this.#deps.catalog.rowsOf(session.node), session);
  }

  /** Sessions that have ended and those that have no right to live. */
  doomed(): string[] {
    const { catalog, sessions } = this.#deps;
    const { state } = sessions;
    const found: string[] = [];
    // There may be tens of thousands, on few nodes.
    for (const [node, ids] of state.nodes()) {
      const rows = catalog.rowsOf(node);
      for (const id of ids) {
        if (!state.isAlive(id) || problemOn(rows, state.row(id)!) !== undefined) found.push(id);
      }
    }
    return found;
  }

  /**
   * What must still hold when the session is made. Its checks are not among it: should one turn critical at the same
   * time, the session ends as soon as it is there.
   */
  birth(session: SessionFields): readonly Compare[] {
    const node: Compare = { key: nodeKey(session.node), exists: true };
    return [node, ...this.#agentLives(session)];
  }

  /** What must hold for the session to take or give back a lock; undefined when it can't. */
  life(id: string): readonly Compare[] | undefined {
    const session = this.#deps.sessions.state.row(id);
    if (session === undefined || !this.isAlive(session)) return undefined;
    return [
      { key: sessionPrefix + id, modRevision: session.modifyIndex },
      { key: alivePrefix + id, exists: true },
      ...this.#agentLives(session),
    ];
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

  /** An agent's serfHealth is no row: it passes as long as the agent's live key is there. */
  #agentLives(session: SessionFields): readonly Compare[] {
    const { catalog } = this.#deps;
    const isBound = catalog.live(session.node) !== undefined && checksOf(session).includes(serfHealth);
    return isBound ? [{ key: liveKey(session.node), exists: true }] : [];
  }
}

function problemOn(
  { node, checks }: Pick<ReturnType<Catalog['rowsOf']>, 'node' | 'checks'>,
  session: SessionFields,
): string | undefined {
  if (node === undefined) return 'Missing node registration';
  for (const id of checksOf(session)) {
    const check = checks.get(id);
    if (check === undefined) return `Missing check '${id}' registration`;
    if (check.status === 'critical') return `Check '${id}' is in critical state`;
  }
  return undefined;
}
