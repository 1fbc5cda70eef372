import type { CheckRow } from './rows.ts';

/** Rows by address; most addresses have one row. Rows without an address are not in it. */
export class AddressIndex<T extends object> {
  readonly #rows = new Map<string, T | Set<T>>();

  add(address: string, row: T): void {
    if (address === '') return;
    const found = this.#rows.get(address);
    if (found === undefined) this.#rows.set(address, row);
    else if (found instanceof Set) found.add(row);
    else if (found !== row) this.#rows.set(address, new Set([found, row]));
  }

  remove(address: string, row: T): void {
    const found = this.#rows.get(address);
    if (found === row) this.#rows.delete(address);
    if (!(found instanceof Set)) return;
    found.delete(row);
    if (found.size === 0) this.#rows.delete(address);
  }

  get(address: string): readonly T[] {
    const found = this.#rows.get(address);
    if (found === undefined) return [];
    return found instanceof Set ? [...found] : [found];
  }
}

/**
 * Checks by state, for the states that few are in. Nearly all checks pass, so those are found by walking all: a set of
 * them would cost more memory than it saves time.
 */
export class StateIndex {
  readonly #rows = new Map<string, Set<CheckRow>>();

  /** Whether `get` knows the state's checks. */
  covers(state: string): boolean {
    return state !== common;
  }

  add(row: CheckRow): void {
    const state = row.status.toLowerCase();
    if (state === common) return;
    const set = this.#rows.get(state);
    if (set === undefined) this.#rows.set(state, new Set([row]));
    else set.add(row);
  }

  remove(row: CheckRow): void {
    const state = row.status.toLowerCase();
    const set = this.#rows.get(state);
    if (set === undefined) return;
    set.delete(row);
    if (set.size === 0) this.#rows.delete(state);
  }

  get(state: string): Iterable<CheckRow> {
    return this.#rows.get(state) ?? [];
  }
}

const common = 'passing';
