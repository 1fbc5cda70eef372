import type { Catalog } from '../catalog/catalog.ts';
import { fold, liveKey, memberKey, nodeKey, stateKey } from '../catalog/keys.ts';
import { type ClusterMember, encodeMember } from '../catalog/member.ts';
import type { CatalogWriter, Fence } from '../catalog/writer.ts';
import type { Operation, Store } from '../store/store.ts';
import { ClusterError } from './errors.ts';

/**
 * Takes an agent's node out of the catalog: its rows first, in as many commits as it takes, then its membership. May be
 * broken off anywhere and begun anew.
 */
export class Departure {
  readonly #store: Pick<Store, 'commit'>;
  readonly #writer: Pick<CatalogWriter, 'deregister'>;
  readonly #catalog: Pick<Catalog, 'members'>;

  constructor(
    _options: Readonly<Record<string, never>>,
    deps: {
      readonly store: Pick<Store, 'commit'>;
      readonly writer: Pick<CatalogWriter, 'deregister'>;
      readonly catalog: Pick<Catalog, 'members'>;
    },
  ) {
    this.#store = deps.store;
    this.#writer = deps.writer;
    this.#catalog = deps.catalog;
  }

  /** This agent goes by its own will: it stays among the members as one that left. False when it lost its name. */
  async leave(name: string, fence: Fence): Promise<boolean> {
    return this.#depart(this.#member(name), fence, 'left');
  }

  /**
   * Takes a dead agent out at once; `forget`: not even its name stays. One that is alive is left alone, as Consul does.
   * Throws ClusterError `unknown-member`.
   */
  async force(name: string, options: { readonly forget: boolean }): Promise<void> {
    const member = this.#member(name);
    if (member.status === 'alive') return;
    await this.#depart(member, absent(name), options.forget ? 'forgotten' : 'left');
  }

  /** What is over is gone, with its name. False when the agent came back meanwhile. */
  forget(member: ClusterMember): Promise<boolean> {
    return this.#depart(member, absent(member.name), 'forgotten');
  }

  #member(name: string): ClusterMember {
    const found = this.#catalog.members().find((member) => fold(member.name) === fold(name));
    if (found === undefined) throw new ClusterError('unknown-member', `No node found with name '${name}'`);
    return found;
  }

  async #depart(member: ClusterMember, fence: Fence, as: 'left' | 'forgotten'): Promise<boolean> {
    const { name } = member;
    await this.#writer.deregister({ node: name }, { fence: () => fence });
    const { status: _, ...info } = member;
    const gone: Operation =
      as === 'left'
        ? { put: memberKey(name), value: encodeMember({ ...info, left: true }) }
        : { delete: memberKey(name) };
    const result = await this.#store.commit({
      when: [fence, { key: nodeKey(name), exists: false }],
      then: [gone, { delete: liveKey(name) }, { delete: stateKey(name) }, { delete: downKey(name) }],
    });
    return result.outcome === 'committed';
  }
}

/** How long a node has been without its agent: `{ms}`; in no view. */
export const downPrefix = 'down/';

export function downKey(node: string): string {
  return downPrefix + fold(node);
}

function absent(name: string): Fence {
  return { key: liveKey(name), modRevision: 0 };
}
