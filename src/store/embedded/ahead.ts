import type { LeaseId } from '../store.ts';
import { Footprint } from './footprint.ts';
import type { Touch } from './footprint.ts';
import { touches } from './request.ts';
import type { Request } from './request.ts';

/** The requests that came before, to tell whether another may overtake them all. */
export class Ahead {
  #requests: Request[] = [];
  /** How many requests the footprint holds already: it is only made when someone asks. */
  #known = 0;
  #footprint = new Footprint();

  push(request: Request): void {
    this.#requests.push(request);
  }

  reset(requests: readonly Request[]): void {
    this.#requests = [...requests];
    this.#known = 0;
    this.#footprint = new Footprint();
  }

  conflicts(own: readonly Touch[], boundKeys: (lease: LeaseId) => readonly string[]): boolean {
    while (this.#known < this.#requests.length) {
      this.#footprint.add(touches(this.#requests[this.#known++]!.body, boundKeys));
    }
    return this.#footprint.conflicts(own);
  }
}
