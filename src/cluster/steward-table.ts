import type { Table } from '../catalog/table.ts';
import type { Entry, StoreEvent } from '../store/store.ts';

/** Who the steward is, in `steward/lead`, on that agent's lease. */
export interface Lead {
  readonly node: string;
  readonly incarnation: string;
  /** `host:port` that status/leader shows. */
  readonly address: string;
  readonly revision: number;
}

export const stewardPrefix = 'steward/';
export const leadKey = `${stewardPrefix}lead`;
export const leadTopic = 'steward';

export function encodeLead({ node, incarnation, address }: Omit<Lead, 'revision'>): Uint8Array {
  return Buffer.from(JSON.stringify({ node, incarnation, address }));
}

export class StewardTable implements Table {
  readonly prefixes = [stewardPrefix];
  #lead: Lead | undefined;
  #fresh: Lead | undefined;

  get lead(): Lead | undefined {
    return this.#lead;
  }

  begin(): void {
    this.#fresh = undefined;
  }

  load(entry: Entry): void {
    this.#fresh = decode(entry);
  }

  finish(): void {
    this.#lead = this.#fresh;
  }

  apply(event: StoreEvent, topics: string[]): void {
    this.#lead = event.type === 'put' ? decode(event.entry) : undefined;
    topics.push(leadTopic);
  }
}

function decode({ value, modRevision }: Entry): Lead {
  const fields = JSON.parse(Buffer.from(value).toString('utf8')) as Omit<Lead, 'revision'>;
  return { ...fields, revision: modRevision };
}
