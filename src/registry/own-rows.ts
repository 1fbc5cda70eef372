import { sameCheck } from '../catalog/same.ts';
import type { NodeChanges } from '../catalog/writer.ts';
import { type Check, serfHealth } from '../model/check.ts';
import type { Node } from '../model/node.ts';
import type { Service } from '../model/service.ts';
import type { Deferrals } from './deferrals.ts';
import { rowOf } from './local.ts';
import type { LocalState } from './local-state.ts';

/** This node's rows as the catalog has them. Maps by id; they may grow and shrink while they are read. */
export interface CatalogRows {
  readonly node: Node | undefined;
  readonly services: ReadonlyMap<string, Service>;
  readonly checks: ReadonlyMap<string, Check>;
}

/** What the agent itself puts into the catalog, beside what was registered: its node and its own service. */
export interface SelfRows {
  readonly node: Node;
  readonly services: readonly Service[];
}

/** The rows that this node should have: the agent's own and the local truth. */
export class OwnRows {
  readonly #state: LocalState;
  readonly #deferrals: Deferrals;
  readonly #services: ReadonlyMap<string, Service>;
  readonly node: Node;

  constructor(self: SelfRows, deps: { readonly state: LocalState; readonly deferrals: Deferrals }) {
    this.node = self.node;
    this.#services = new Map(self.services.map((service) => [service.id, service]));
    this.#state = deps.state;
    this.#deferrals = deps.deferrals;
  }

  /** What is registered locally wins over the agent's own rows of the same id. */
  service(id: string): Service | undefined {
    return this.#state.services.get(id) ?? this.#services.get(id);
  }

  /** serfHealth is derived by every replica: it is not the registry's to write or to delete. */
  check(id: string): Check | undefined {
    return id === serfHealth ? undefined : this.#state.checks.get(id);
  }

  *serviceIds(): IterableIterator<string> {
    yield* this.#services.keys();
    yield* this.#state.services.keys();
  }

  *checkIds(): IterableIterator<string> {
    yield* this.#state.checks.keys();
  }

  /** An output that waits to be written does not count as a difference. */
  isOutputDeferred(id: string): boolean {
    return this.#deferrals.has(id);
  }

  /** What the catalog shows of these ids was written from here: the texts of both are kept once. */
  share(there: CatalogRows, serviceIds: Iterable<string>, checkIds: Iterable<string>): void {
    this.#state.shareWith(there, serviceIds, checkIds);
  }

  /**
   * The puts and deletes that bring these ids to the local truth. An output that waits to be written goes along with any
   * other change of its check, and goes on waiting when there is none.
   */
  changes(serviceIds: Iterable<string>, checkIds: Iterable<string>, there: CatalogRows): NodeChanges {
    const putServices: Service[] = [];
    const deleteServices: string[] = [];
    const putChecks: Check[] = [];
    const deleteChecks: string[] = [];
    for (const id of serviceIds) {
      const service = this.service(id);
      if (service === undefined) deleteServices.push(id);
      else putServices.push(service);
    }
    for (const id of checkIds) {
      if (id === serfHealth) continue;
      const check = this.check(id);
      if (check === undefined) {
        deleteChecks.push(id);
        continue;
      }
      if (this.#waitsOn(check, there.checks.get(id))) continue;
      this.#deferrals.cancel(id);
      putChecks.push(rowOf(check, check.output));
    }
    return { node: this.node, putServices, deleteServices, putChecks, deleteChecks };
  }

  #waitsOn(check: Check, there: Check | undefined): boolean {
    return (
      this.#deferrals.has(check.id) && there !== undefined && sameCheck(rowOf(check, there.output), there)
    );
  }
}
