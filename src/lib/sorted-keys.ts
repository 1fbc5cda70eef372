import { compareUtf8, firstDifference, orderAt } from './bytes.ts';

/**
 * A set of strings in the order of their UTF-8 bytes: runs of at most `2 * run` keys, so that inserting moves few of
 * them. Appending in order, as a load does, is the fast path.
 */
export class SortedKeys {
  readonly #runs: string[][] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(key: string): void {
    const last = this.#runs.at(-1);
    if (last === undefined || (last.length >= run && compareUtf8(last.at(-1)!, key) < 0)) {
      this.#runs.push([key]);
      this.#size += 1;
      return;
    }
    const at = this.#runOf(key);
    const keys = this.#runs[at]!;
    const place = lowerBound(keys, key);
    if (keys[place] === key) return;
    keys.splice(place, 0, key);
    this.#size += 1;
    if (keys.length >= 2 * run) this.#runs.splice(at + 1, 0, keys.splice(run));
  }

  delete(key: string): void {
    const at = this.#runOf(key);
    const keys = this.#runs[at];
    if (keys === undefined) return;
    const place = lowerBound(keys, key);
    if (keys[place] !== key) return;
    keys.splice(place, 1);
    this.#size -= 1;
    if (keys.length === 0) this.#runs.splice(at, 1);
  }

  /** Keys that begin with `prefix`, in order. The set must not change meanwhile. */
  *withPrefix(prefix: string): Generator<string> {
    let at = this.#runOf(prefix);
    let place = lowerBound(this.#runs[at] ?? [], prefix);
    for (; at < this.#runs.length; at++, place = 0) {
      const keys = this.#runs[at]!;
      for (; place < keys.length; place++) {
        const key = keys[place]!;
        if (!key.startsWith(prefix)) return;
        yield key;
      }
    }
  }

  /** The run that holds `key`, or that it would go into. */
  #runOf(key: string): number {
    let low = 0;
    let high = this.#runs.length - 1;
    let lowShared = 0;
    let highShared = 0;
    while (low < high) {
      const middle = (low + high) >> 1;
      const keys = this.#runs[middle]!;
      const last = keys[keys.length - 1]!;
      const shared = firstDifference(last, key, Math.min(lowShared, highShared));
      if (orderAt(last, key, shared) < 0) [low, lowShared] = [middle + 1, shared];
      else [high, highShared] = [middle, shared];
    }
    return low;
  }
}

const run = 512;

/** What both ends share with `key`, all between them share too: the comparison begins after it. */
function lowerBound(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  let lowShared = 0;
  let highShared = 0;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = keys[middle]!;
    const shared = firstDifference(other, key, Math.min(lowShared, highShared));
    if (orderAt(other, key, shared) < 0) [low, lowShared] = [middle + 1, shared];
    else [high, highShared] = [middle, shared];
  }
  return low;
}
