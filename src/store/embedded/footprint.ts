/** Which keys a commit reads and writes, to tell whether two commits may change places. */
import type { Compare, Key, Operation } from '../store.ts';

export interface Touch {
  readonly on: { readonly key: Key } | { readonly prefix: string };
  readonly writes: boolean;
}

export function touchesOf(
  when: readonly Compare[] | undefined,
  ...branches: readonly (readonly Operation[] | undefined)[]
): Touch[] {
  const touches: Touch[] = (when ?? []).map((compare) => ({
    on: 'prefix' in compare ? { prefix: compare.prefix } : { key: compare.key },
    writes: false,
  }));
  for (const operation of branches.flatMap((branch) => branch ?? [])) {
    if ('put' in operation) touches.push({ on: { key: operation.put }, writes: true });
    else if ('delete' in operation) touches.push({ on: { key: operation.delete }, writes: true });
    else touches.push({ on: { prefix: operation.deletePrefix }, writes: true });
  }
  return touches;
}

/** The union of what many commits touch. */
export class Footprint {
  /** Key -> whether it is written. */
  readonly #keys = new Map<Key, boolean>();
  readonly #prefixes: { prefix: string; writes: boolean }[] = [];

  add(touches: readonly Touch[]): void {
    for (const { on, writes } of touches) {
      if ('prefix' in on) this.#prefixes.push({ prefix: on.prefix, writes });
      else this.#keys.set(on.key, writes || this.#keys.get(on.key) === true);
    }
  }

  /** True when one side writes what the other reads or writes. */
  conflicts(touches: readonly Touch[]): boolean {
    return touches.some(({ on, writes }) =>
      'prefix' in on ? this.#prefixConflicts(on.prefix, writes) : this.#keyConflicts(on.key, writes),
    );
  }

  #keyConflicts(key: Key, writes: boolean): boolean {
    const other = this.#keys.get(key);
    if (other !== undefined && (writes || other)) return true;
    return this.#prefixes.some((range) => (writes || range.writes) && key.startsWith(range.prefix));
  }

  #prefixConflicts(prefix: string, writes: boolean): boolean {
    for (const [key, other] of this.#keys) if ((writes || other) && key.startsWith(prefix)) return true;
    return this.#prefixes.some(
      (range) =>
        (writes || range.writes) && (range.prefix.startsWith(prefix) || prefix.startsWith(range.prefix)),
    );
  }
}
