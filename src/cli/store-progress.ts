import type { Clock } from '../lib/clock.ts';
import type { CopyProgress } from '../store/copy.ts';

/** How often a line may come: on a terminal it is written over, in a log it stays. */
const terminalMs = 100;
const logMs = 5000;

/** Shows how far a copy is: one line that changes on a terminal, a line now and then elsewhere. */
export class StoreProgress {
  readonly #isTerminal: boolean;
  readonly #write: (text: string) => void;
  readonly #clock: Clock;
  #step = '';
  #shownAtMs = 0;

  constructor(
    options: { readonly isTerminal: boolean },
    deps: { readonly write: (text: string) => void; readonly clock: Clock },
  ) {
    this.#isTerminal = options.isTerminal;
    this.#write = deps.write;
    this.#clock = deps.clock;
  }

  show({ step, rows, total }: CopyProgress): void {
    const nowMs = this.#clock.monotonicMs();
    const isDue = nowMs - this.#shownAtMs >= (this.#isTerminal ? terminalMs : logMs);
    if (step === this.#step && !isDue) return;
    this.#step = step;
    this.#shownAtMs = nowMs;
    const share = total === 0 ? '' : ` of ${total} (${Math.min(100, Math.floor((100 * rows) / total))} %)`;
    const text = `${step}: ${rows} rows${share}`;
    this.#write(this.#isTerminal ? `\r\u001B[K${text}` : `${text}\n`);
  }

  /** Takes the changing line away. */
  end(): void {
    if (this.#isTerminal && this.#step !== '') this.#write('\r\u001B[K');
  }
}
