/** Says, of templates that wait for data, what they wait for: after 10 s, and after twice as long each time, up to an hour. */
import type { Clock, Timer } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { TemplateStatus } from './options.ts';

const firstMs = 10_000;
const longestMs = 3_600_000;
/** A template may wait for hundreds of services. */
const namedAtMost = 5;

export interface PatienceDeps {
  readonly clock: Clock;
  readonly log: Logger;
}

export class Patience {
  readonly #deps: PatienceDeps;
  readonly #status: () => readonly TemplateStatus[];
  /** By destination: when something is said next, and how long after that again. */
  readonly #next = new Map<string, { readonly atMs: number; readonly pauseMs: number }>();
  #timer: Timer | undefined;

  constructor(status: () => readonly TemplateStatus[], deps: PatienceDeps) {
    this.#status = status;
    this.#deps = deps;
  }

  /** Call it when some template has begun to wait; it goes on by itself while one does. */
  watch(): void {
    this.#timer ??= this.#deps.clock.after(firstMs, () => {
      this.#timer = undefined;
      const all = this.#status();
      for (const status of all) this.#look(status);
      if (all.some(({ waitingFor }) => waitingFor.length > 0)) this.watch();
    });
  }

  close(): void {
    this.#timer?.cancel();
  }

  #look(status: TemplateStatus): void {
    const { destination, waitingFor } = status;
    if (waitingFor.length === 0) {
      this.#next.delete(destination);
      return;
    }
    const now = this.#deps.clock.monotonicMs();
    const { atMs, pauseMs } = this.#next.get(destination) ?? { atMs: now, pauseMs: firstMs };
    const longest = Math.max(...waitingFor.map(({ forMs }) => forMs));
    if (longest < firstMs || now < atMs) return;
    this.#next.set(destination, { atMs: now + pauseMs, pauseMs: Math.min(2 * pauseMs, longestMs) });
    this.#deps.log.warn({ destination, waitingFor: waitingText(waitingFor) }, 'template waits for data');
  }
}

/** `kv.block(a) (12 s), health.service(b) (11 s: connection refused) and 3 more`. */
export function waitingText(waitingFor: TemplateStatus['waitingFor']): string {
  const shown = waitingFor.slice(0, namedAtMost).map(({ id, forMs, error }) => {
    const seconds = `${Math.round(forMs / 1000)} s`;
    return `${id} (${error === undefined ? seconds : `${seconds}: ${error}`})`;
  });
  const more = waitingFor.length - shown.length;
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
