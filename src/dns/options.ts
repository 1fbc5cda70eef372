/** What decides about answers; the agent's `dns_config` in camel case with units. */
export interface AnswerOptions {
  /** Without outer dots: `consul`. */
  readonly domain: string;
  /** A second name of the same zone, '' if there is none. */
  readonly altDomain: string;
  readonly nodeTtlSeconds: number;
  /** Service name, `prefix*` or `*` -> seconds; the exact name wins, then the longest prefix. */
  readonly serviceTtlSeconds: Readonly<Record<string, number>>;
  /** Instances in state warning are dropped too, not only critical ones. */
  readonly onlyPassing: boolean;
  /** Set TC when an answer was cut. */
  readonly enableTruncate: boolean;
  /** Most answers over UDP without EDNS; never more than 8. */
  readonly udpAnswerLimit: number;
  /** Most address records of a service, over TCP too; 0 = all. */
  readonly aRecordLimit: number;
  readonly disableCompression: boolean;
  /** Add the meta of nodes as TXT records to answers about their addresses. */
  readonly nodeMetaTxt: boolean;
  readonly soa: {
    readonly refreshSeconds: number;
    readonly retrySeconds: number;
    readonly expireSeconds: number;
    readonly minTtlSeconds: number;
  };
  /** `host` or `host:port` of servers that know the names outside the zone. */
  readonly recursors: readonly string[];
  readonly recursorStrategy: 'sequential' | 'random';
  readonly recursorTimeoutMs: number;
}

/** Which rows the asker may see; what it may not see does not exist for it. */
export interface Authorize {
  node(name: string): boolean;
  service(name: string): boolean;
}

export const allowAll: Authorize = { node: () => true, service: () => true };

/** The TTL of a service by the most telling key of `serviceTtlSeconds`; 0 if none fits. */
export function serviceTtlSeconds(table: Readonly<Record<string, number>>, service: string): number {
  const name = service.toLowerCase();
  let best = '';
  let seconds = 0;
  for (const [key, value] of Object.entries(table)) {
    const pattern = key.toLowerCase();
    if (pattern === name) return value;
    const fits = pattern.endsWith('*') && name.startsWith(pattern.slice(0, -1));
    if (fits && pattern.length > best.length) [best, seconds] = [pattern, value];
  }
  return seconds;
}
