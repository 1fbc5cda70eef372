import type { Key, LeaseId } from './store.ts';

/** Which keys hang on which lease. */
export class Bindings {
  readonly #leases = new Map<Key, LeaseId>();
  readonly #keys = new Map<LeaseId, Set<Key>>();

  leaseOf(key: Key): LeaseId | undefined {
    // Most stores have no bound key at all.
    return this.#leases.size === 0 ? undefined : this.#leases.get(key);
  }

  keysOf(lease: LeaseId): readonly Key[] {
    return [...(this.#keys.get(lease) ?? [])];
  }

  /** Hangs the key on `lease` alone; undefined frees it. */
  bind(key: Key, lease: LeaseId | undefined): void {
    const old = this.leaseOf(key);
    if (old === lease) return;
    if (old !== undefined) this.#unbind(key, old);
    if (lease === undefined) return;
    this.#leases.set(key, lease);
    const keys = this.#keys.get(lease);
    if (keys === undefined) this.#keys.set(lease, new Set([key]));
    else keys.add(key);
  }

  #unbind(key: Key, lease: LeaseId): void {
    this.#leases.delete(key);
    const keys = this.#keys.get(lease);
    keys?.delete(key);
    if (keys?.size === 0) this.#keys.delete(lease);
  }
}
