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
 * An AddressIndex that costs nothing until somebody asks: then it is built a slice at a time, and questions are answered
 * by walking all rows until it is whole.
 */
export class LateAddressIndex<T extends { readonly address: string }> {
  readonly #all: () => Iterable<T>;
  #index: AddressIndex<T> | undefined = undefined;
  #whole = false;

  /** `all` walks the rows as they are at each step, also while they change. */
  constructor(all: () => Iterable<T>) {
    this.#all = all;
  }

  add(row: T): void {
    this.#index?.add(row.address, row);
  }

  remove(row: T): void {
    this.#index?.remove(row.address, row);
  }

  get(address: string): readonly T[] {
    if (this.#index !== undefined && this.#whole) return this.#index.get(address);
    if (this.#index === undefined) this.#build();
    const found: T[] = [];
    for (const row of this.#all()) if (row.address === address) found.push(row);
    return found;
  }

  #build(): void {
    const index = new AddressIndex<T>();
    this.#index = index;
    const rows = this.#all()[Symbol.iterator]();
    const slice = (): void => {
      for (let i = 0; i < rowsPerSlice; i++) {
        const next = rows.next();
        if (next.done) {
          this.#whole = true;
          return;
        }
        index.add(next.value.address, next.value);
      }
      setImmediate(slice);
    };
    setImmediate(slice);
  }
}

const rowsPerSlice = 5000;

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
