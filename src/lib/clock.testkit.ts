import type { Clock } from './clock.ts';

/** A clock that stands still until `advance` is called; timers fire in order of their time. */
export class ManualClock implements Clock {
  #now = 0;
  #seq = 0;
  readonly #timers = new Map<number, { at: number; run: () => void }>();

  monotonicMs(): number {
    return this.#now;
  }

  wallMs(): number {
    return 1_700_000_000_000 + this.#now;
  }

  after(ms: number, run: () => void): { cancel(): void } {
    const id = this.#seq++;
    this.#timers.set(id, { at: this.#now + ms, run });
    return { cancel: () => void this.#timers.delete(id) };
  }

  /** Moves time on by `ms`, firing each due timer at its own time and letting promises settle in between. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await settle();
      const due = [...this.#timers]
        .filter(([, t]) => t.at <= end)
        .sort((a, b) => a[1].at - b[1].at || a[0] - b[0])[0];
      if (due === undefined) break;
      this.#timers.delete(due[0]);
      this.#now = Math.max(this.#now, due[1].at);
      due[1].run();
    }
    this.#now = end;
    await settle();
  }

  get pendingTimers(): number {
    return this.#timers.size;
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve));
}
