import { parseIp } from '../lib/ip.ts';
import type { View } from '../watch/view.ts';
import type { Answer, AnswerContext, AskedQuestion, Unit } from './answer.ts';
import type { DnsInstance } from './catalog.ts';
import { metaStrings } from './node-meta.ts';
import { serviceTtlSeconds } from './options.ts';
import { isEncodable } from './wire-name.ts';
import { classIn, rcodes } from './wire.ts';
import type { RecordData, ResourceRecord } from './wire.ts';

/** As an owner: the name in the question, in its asker's spelling (zone files write it so too). */
export const asked = '@';

/** What a lookup found. */
export interface Section {
  readonly units: readonly Unit[];
  readonly shuffle: boolean;
  readonly pick: number;
  readonly authority?: readonly ResourceRecord[];
  readonly additional?: readonly ResourceRecord[];
  /** True: an empty answer comes without the SOA. */
  readonly bareIfEmpty?: boolean;
}

/** The name does not exist. */
export const nothingFound: Section = { units: [], shuffle: false, pick: 0 };

/** Records for a name inside the zone, or undefined when it is outside. */
export type Follow = (target: string, depth: number, draft: Draft) => readonly ResourceRecord[] | undefined;

const maxFollowedWithoutEdns = 5;
/** RFC 2181 section 8. */
const maxTtlSeconds = 0x7fff_ffff;

/** One answer in the making: what it was made from so far, and how its records are made. */
export class Draft {
  readonly question: AskedQuestion;
  readonly context: AnswerContext;
  /** With the trailing dot; the one of the two domains that the question used. */
  domain: string;
  cacheable = true;
  readonly #sources: { view: View<unknown>; index: number }[] = [];
  readonly #wanted = new Set<string>();
  readonly #follow: Follow;

  constructor(question: AskedQuestion, context: AnswerContext, follow: Follow) {
    this.question = question;
    this.context = context;
    this.domain = `${context.options.domain}.`;
    this.#follow = follow;
  }

  /** Reads a view and remembers its index, taken first: a change in between makes the answer stale, not wrong. */
  read<T>(view: View<T>): T {
    this.#sources.push({ view, index: view.index() });
    return view.read();
  }

  /** Those that may be used: none of their checks critical, with `onlyPassing` all of them passing. */
  healthy(instances: readonly DnsInstance[]): readonly DnsInstance[] {
    const { onlyPassing } = this.context.options;
    const unfit = (status: string): boolean => status === 'critical' || (onlyPassing && status !== 'passing');
    return instances.filter(({ checks }) => !checks.some(({ status }) => unfit(status)));
  }

  record(name: string, ttl: number, data: RecordData): ResourceRecord {
    return { name, class: classIn, ttl: Math.min(ttl, maxTtlSeconds), data };
  }

  /** An A or AAAA record; undefined when `address` is no IP address. */
  addressRecord(name: string, ttl: number, address: string): ResourceRecord | undefined {
    const bytes = parseIp(address);
    return bytes && this.record(name, ttl, { type: bytes.length === 4 ? 'A' : 'AAAA', address: bytes });
  }

  metaRecords(name: string, ttl: number, meta: Readonly<Record<string, string>> | null): ResourceRecord[] {
    return Object.entries(meta ?? {}).map(([key, value]) =>
      this.record(name, ttl, { type: 'TXT', strings: metaStrings(key, value) }),
    );
  }

  serviceTtl(service: string): number {
    return serviceTtlSeconds(this.context.options.serviceTtlSeconds, service);
  }

  /** The serial is set when a reply is sent. */
  soa(): ResourceRecord {
    const { refreshSeconds, retrySeconds, expireSeconds, minTtlSeconds } = this.context.options.soa;
    return this.record(this.domain, minTtlSeconds, {
      type: 'SOA',
      ns: `ns.${this.domain}`,
      mailbox: `hostmaster.${this.domain}`,
      serial: 0,
      refresh: refreshSeconds,
      retry: retrySeconds,
      expire: expireSeconds,
      minTtl: minTtlSeconds,
    });
  }

  /**
   * The addresses behind a host name: from the zone itself, or as recursors told; none yet when they have still to be
   * asked. A TTL from outside may shorten ours, never lengthen it (Consul overwrites it, #14703).
   */
  followed(
    target: string,
    ttl: number,
    types: readonly RecordData['type'][],
    depth: number,
  ): ResourceRecord[] {
    const { resolved, options } = this.context;
    let records = this.#follow(target, depth, this);
    if (records === undefined && options.recursors.length > 0) {
      this.cacheable = false;
      records = resolved.get(target.toLowerCase());
      if (records === undefined) this.#wanted.add(target.toLowerCase());
    }
    const fitting = (records ?? []).filter(({ data }) => types.includes(data.type));
    const cut = this.question.edns ? fitting : fitting.slice(0, maxFollowedWithoutEdns);
    return cut.map((record) => ({ ...record, ttl: Math.min(ttl, record.ttl) }));
  }

  /** True when following `target` could give anything. */
  isFollowable(target: string): boolean {
    return this.context.options.recursors.length > 0 || this.#follow(target, 0, this) !== undefined;
  }

  encodable(name: string): boolean {
    return isEncodable(name);
  }

  shuffled<T>(items: readonly T[]): T[] {
    const copy = [...items];
    for (let i = copy.length - 1; i > 0; i--) {
      const j = Math.floor(this.context.random() * (i + 1));
      [copy[i], copy[j]] = [copy[j]!, copy[i]!];
    }
    return copy;
  }

  finish(section: Section): Answer {
    const empty = section.units.length === 0;
    const authority = section.authority ?? (empty && section.bareIfEmpty !== true ? [this.soa()] : []);
    return {
      rcode: section === nothingFound ? rcodes.NXDOMAIN : rcodes.NOERROR,
      units: section.units,
      shuffle: section.shuffle,
      pick: section.pick,
      authority,
      additional: section.additional ?? [],
      sources: this.#sources,
      cacheable: this.cacheable,
      wanted: [...this.#wanted],
    };
  }

  /** An answer that is nothing but a code. */
  fail(rcode: number): Answer {
    return { ...this.finish({ units: [], shuffle: false, pick: 0, bareIfEmpty: true }), rcode };
  }
}
