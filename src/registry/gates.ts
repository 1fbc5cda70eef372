import type { Service } from '../model/service.ts';

/** Something that finds its services out again after a start, such as the registrar, which asks Docker. */
export interface RegistrationSource {
  readonly name: string;
  /** Whether a catalog row of this node was registered by this source. */
  readonly owns: (service: Service) => boolean;
}

/**
 * Which rows of this node must not be removed yet: those of sources that have not reported since the start. Until then
 * their last known status stands.
 */
export class Gates {
  readonly #waiting: Map<string, RegistrationSource>;

  constructor(sources: readonly RegistrationSource[]) {
    this.#waiting = new Map(sources.map((source) => [source.name, source]));
  }

  /** Whether every source has reported. */
  get isOpen(): boolean {
    return this.#waiting.size === 0;
  }

  /** True when this was news. */
  open(name: string): boolean {
    return this.#waiting.delete(name);
  }

  /** A row that is not registered (yet) stays. `undefined` is what belongs to the node: anybody may have put it. */
  holds(service: Service | undefined): boolean {
    if (this.isOpen) return false;
    if (service === undefined) return true;
    for (const source of this.#waiting.values()) if (source.owns(service)) return true;
    return false;
  }
}
