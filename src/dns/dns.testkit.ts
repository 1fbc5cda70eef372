import { ManualClock } from '../lib/clock.testkit.ts';
import { formatIp } from '../lib/ip.ts';
import { silentLogger } from '../lib/log.ts';
import type { View } from '../watch/view.ts';
import type { DnsCatalog, DnsInstance, DnsNode } from './catalog.ts';
import type { AnswerOptions, Authorize } from './options.ts';
import { Recursor } from './recursor.ts';
import { Resolver } from './resolver.ts';
import type { Transport } from './resolver.ts';
import { decodeMessage } from './wire-decode.ts';
import { encodeMessage } from './wire-encode.ts';
import { headerFlags, rcodes, recordTypes } from './wire.ts';
import type { Edns, Message, ResourceRecord } from './wire.ts';

/** A catalog of a few rows, for tests: one index for all views, which every change moves. */
export class TestCatalog implements DnsCatalog {
  readonly datacenter = 'dc1';
  /** How often any view was read. */
  reads = 0;
  #index = 1;
  readonly #nodes = new Map<string, DnsNode>();
  readonly #instances: DnsInstance[] = [];

  node(name: string): View<{ readonly node: DnsNode } | undefined> {
    return this.#view(() => {
      const wanted = name.toLowerCase();
      const node = [...this.#nodes.values()].find(
        (row) => row.name.toLowerCase() === wanted || row.id.startsWith(wanted),
      );
      return node && { node };
    });
  }

  health(name: string): View<readonly DnsInstance[]> {
    return this.#view(() =>
      this.#instances.filter(({ service }) => service.name.toLowerCase() === name.toLowerCase()),
    );
  }

  nodesByAddress(address: string): readonly DnsNode[] {
    return [...this.#nodes.values()].filter((node) => node.address === address);
  }

  servicesByAddress(address: string): readonly { readonly name: string }[] {
    return this.#instances.filter(({ service }) => service.address === address).map(({ service }) => service);
  }

  addNode(
    name: string,
    address: string,
    meta: Readonly<Record<string, string>> | null = null,
    id = '',
  ): this {
    this.#index += 1;
    this.#nodes.set(name, { id, name, address, meta });
    return this;
  }

  addInstance(node: string, service: TestService): this {
    this.#index += 1;
    const {
      name,
      port = 80,
      tags = [],
      address = '',
      weights = { passing: 1, warning: 1 },
      checks = [],
    } = service;
    this.#instances.push({
      node: this.#nodes.get(node)!,
      service: { name, port, tags, address, weights },
      checks: checks.map((status, i) => ({ id: `c${i}`, status })),
    });
    return this;
  }

  removeInstances(name: string): this {
    this.#index += 1;
    for (let i = this.#instances.length - 1; i >= 0; i--) {
      if (this.#instances[i]!.service.name === name) this.#instances.splice(i, 1);
    }
    return this;
  }

  #view<T>(read: () => T): View<T> {
    return {
      topics: [],
      index: () => this.#index,
      read: () => {
        this.reads += 1;
        return read();
      },
    };
  }
}

export interface TestService {
  readonly name: string;
  readonly port?: number;
  readonly tags?: readonly string[];
  readonly address?: string;
  readonly weights?: { readonly passing: number; readonly warning: number };
  /** Statuses. */
  readonly checks?: readonly string[];
}

export const defaultAnswers: AnswerOptions = {
  domain: 'consul',
  altDomain: '',
  nodeTtlSeconds: 0,
  serviceTtlSeconds: {},
  onlyPassing: false,
  enableTruncate: false,
  udpAnswerLimit: 3,
  aRecordLimit: 0,
  disableCompression: false,
  nodeMetaTxt: true,
  soa: { refreshSeconds: 3600, retrySeconds: 600, expireSeconds: 86_400, minTtlSeconds: 0 },
  recursors: [],
  recursorStrategy: 'sequential',
  recursorTimeoutMs: 300,
};

export interface TestQuery {
  readonly name: string;
  readonly type?: keyof typeof recordTypes | number;
  readonly transport?: Transport;
  readonly udpSize?: number;
  readonly options?: Edns['options'];
  readonly flags?: number;
  readonly opcode?: number;
}

/** A resolver over a catalog, without sockets. */
export function testResolver(
  catalog: DnsCatalog,
  answers: Partial<AnswerOptions> = {},
  extra: {
    readonly authorize?: Authorize;
    readonly random?: () => number;
    readonly restores?: () => number;
  } = {},
): Resolver {
  const options = { ...defaultAnswers, ...answers };
  const recursor = new Recursor(
    { servers: options.recursors, strategy: options.recursorStrategy, timeoutMs: options.recursorTimeoutMs },
    { log: silentLogger },
  );
  return new Resolver(
    { answers: options, cacheBytes: 1 << 20 },
    { catalog, clock: new ManualClock(), recursor, log: silentLogger, ...extra },
  );
}

export function encodeQuery({
  name,
  type = 'A',
  udpSize,
  options = [],
  flags,
  opcode = 0,
}: TestQuery): Buffer {
  return encodeMessage({
    id: 4711,
    opcode,
    rcode: 0,
    flags: flags ?? headerFlags.RD,
    questions: [{ name, type: typeof type === 'number' ? type : recordTypes[type], class: 1 }],
    answers: [],
    authorities: [],
    additionals: [],
    edns: udpSize === undefined ? undefined : { udpSize, version: 0, dnssecOk: false, options },
  });
}

export async function ask(
  resolver: Resolver,
  query: TestQuery,
): Promise<Message & { readonly bytes: number }> {
  const reply = await resolver.resolve(encodeQuery(query), query.transport ?? 'udp');
  if (reply === undefined) throw new Error('no reply');
  return { ...decodeMessage(reply), bytes: reply.length };
}

/** `NXDOMAIN aa rd`, then one line a record in the manner of dig, sections in brackets. */
export function show(message: Message, options: { readonly sorted?: boolean } = {}): string[] {
  const rcode = Object.entries(rcodes).find(([, code]) => code === message.rcode)?.[0];
  const flags = Object.entries(headerFlags).filter(([, bit]) => (message.flags & bit) !== 0);
  const lines = (section: string, records: readonly ResourceRecord[]): string[] => {
    const text = records.map((record) => `${section} ${showRecord(record)}`);
    return options.sorted === false ? text : text.sort();
  };
  return [
    [rcode, ...flags.map(([name]) => name.toLowerCase())].filter((word) => word !== 'qr').join(' '),
    ...lines('an', message.answers),
    ...lines('ns', message.authorities),
    ...lines('ar', message.additionals),
    ...(message.edns === undefined ? [] : [`opt ${message.edns.udpSize}`]),
  ];
}

function showRecord({ name, ttl, data }: ResourceRecord): string {
  return `${name} ${ttl} ${data.type === 'other' ? data.code : data.type} ${showData(data)}`;
}

function showData(data: ResourceRecord['data']): string {
  switch (data.type) {
    case 'A':
    case 'AAAA':
      return formatIp(data.address);
    case 'SRV':
      return `${data.priority} ${data.weight} ${data.port} ${data.target}`;
    case 'SOA':
      return `${data.ns} ${data.mailbox} ${data.serial} ${data.refresh} ${data.retry} ${data.expire} ${data.minTtl}`;
    case 'TXT':
      return data.strings.map((part) => JSON.stringify(Buffer.from(part).toString())).join(' ');
    case 'other':
      return Buffer.from(data.bytes).toString('hex');
    default:
      return data.target;
  }
}
