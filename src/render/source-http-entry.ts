/** One query of an HTTP source: its latest answer, who listens, and whether a failure has been told. */
import { isEqualData } from './equal-data.ts';
import type { Answers, Query } from './source.ts';

export interface Listener {
  readonly onChange: () => void;
  readonly onError: (error: Error) => void;
}

export class Entry<Q extends Query = Query> {
  readonly query: Q;
  readonly listeners = new Set<Listener>();
  current: { readonly data: Answers[Q['type']] } | undefined;
  /** What the next blocking query waits beyond; 0: nothing to wait by. */
  index = 0;
  #isFailing = false;

  constructor(query: Q) {
    this.query = query;
  }

  /** Takes an answer; equal data are no change. True when the index has moved. */
  accept(answer: { readonly data: Answers[Q['type']]; readonly index: number }): boolean {
    this.#isFailing = false;
    const moved = answer.index !== this.index;
    // An index that goes back means a restored or restarted server: what it blocks on is unknown.
    this.index = answer.index < this.index ? 0 : answer.index;
    if (this.current === undefined || !isEqualData(this.current.data, answer.data)) {
      this.current = { data: answer.data };
      for (const listener of Array.from(this.listeners)) listener.onChange();
    }
    return moved;
  }

  /** The server may be another one: what its indexes say is unknown. */
  doubt(): void {
    this.index = 0;
  }

  /** The server's index of it has not moved. */
  confirm(): void {
    this.#isFailing = false;
  }

  /** Tells the first of a row of failures; the last answer stands. */
  fail(error: Error): void {
    if (this.#isFailing) return;
    this.#isFailing = true;
    for (const listener of Array.from(this.listeners)) listener.onError(error);
  }
}

/** Where the server has no index to wait by. */
export function isPolled(query: Query): boolean {
  return query.type === 'datacenters' || query.type === 'document';
}
