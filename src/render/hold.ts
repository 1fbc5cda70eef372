/**
 * Whether data look right enough to become a file. A server that has just been restored, or has a new leader, may say that
 * there is nothing; a load balancer that believes it serves nobody (consul-template #1131, #904).
 *
 * In: how many items each list has that a template asks for. Out: why the file is held as it is, or nothing.
 */
import type { Clock, Timer } from '../lib/clock.ts';

export interface HoldRules {
  /** Least items of each list. */
  readonly minItems: number;
  /** The largest part (0 to 1) of a list that may go within a minute. */
  readonly maxDrop: number;
  /** After so long the file follows all the same; 0: never. */
  readonly timeoutMs: number;
}

/** Items by dependency id. */
export type ListSizes = ReadonlyMap<string, number>;

/** Undefined: nothing is wrong with them. `before`: what losses are counted from. */
export function objection(rules: HoldRules, before: ListSizes, sizes: ListSizes): string | undefined {
  for (const [id, size] of sizes) {
    if (size < rules.minItems) return `${id} has ${size} items, ${rules.minItems} are wanted`;
    const full = before.get(id) ?? 0;
    const gone = full - size;
    if (gone > full * rules.maxDrop) {
      return `${id} has lost ${gone} of ${full} items, more than ${rules.maxDrop * 100}%`;
    }
  }
  return undefined;
}

/** Instances that die together are deregistered one after another. */
const lossWindowMs = 60_000;

interface Accepted {
  readonly size: number;
  /** The largest of late, and when it was. */
  readonly peak: number;
  readonly peakAtMs: number;
}

export interface HoldDeps {
  readonly clock: Clock;
  /** The time is over: it should be judged again. */
  readonly onTimeout: () => void;
}

export class Hold {
  readonly #rules: HoldRules;
  readonly #deps: HoldDeps;
  #accepted: ReadonlyMap<string, Accepted> = new Map();
  #timer: Timer | undefined;
  #isOver = false;

  constructor(rules: HoldRules, deps: HoldDeps) {
    this.#rules = rules;
    this.#deps = deps;
  }

  /** Why the file is held; undefined: it may follow, and these sizes are what the next ones are measured by. */
  judge(sizes: ListSizes): string | undefined {
    const before = this.#isOver ? new Map<string, number>() : this.#before();
    const reason = this.#isOver ? undefined : objection(this.#rules, before, sizes);
    if (reason === undefined) {
      this.#accept(before, sizes);
      // What is still too little stays accepted until it has been enough again.
      this.#isOver &&= objection(this.#rules, sizes, sizes) !== undefined;
      this.close();
    } else if (this.#timer === undefined && this.#rules.timeoutMs > 0) {
      this.#timer = this.#deps.clock.after(this.#rules.timeoutMs, () => {
        this.#isOver = true;
        this.#deps.onTimeout();
      });
    }
    return reason;
  }

  #before(): ListSizes {
    const oldestMs = this.#deps.clock.monotonicMs() - lossWindowMs;
    const sizes = [...this.#accepted].map(([id, { size, peak, peakAtMs }]): [string, number] => [
      id,
      peakAtMs > oldestMs ? peak : size,
    ]);
    return new Map(sizes);
  }

  #accept(before: ListSizes, sizes: ListSizes): void {
    const now = this.#deps.clock.monotonicMs();
    const accepted = [...sizes].map(([id, size]): [string, Accepted] => {
      const peak = before.get(id) ?? 0;
      const known = this.#accepted.get(id);
      const keeps = known !== undefined && peak > size && known.peak === peak;
      return [id, { size, peak: Math.max(peak, size), peakAtMs: keeps ? known.peakAtMs : now }];
    });
    this.#accepted = new Map(accepted);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
