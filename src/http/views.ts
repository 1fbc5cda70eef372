import type { View } from '../watch/view.ts';
import type { Watches } from '../watch/watches.ts';
import type { Answer } from './answer.ts';
import { Bodies, type Body } from './bodies.ts';
import { acceptsGzip, compress, gzipMinBytes } from './compress.ts';
import { HttpError, toHttpError } from './errors.ts';
import { questionOf, readOptions, type ReadLimits, type ReadOptions } from './read-options.ts';
import { findHeader, type HttpRequest } from './request.ts';

/**
 * Reads of views: when to answer, and with which bytes.
 *
 * In: a request and the view it asks for. Out: an answer, now or when the view's index has moved.
 * Invariants: one encoding a (question, index) for all readers; a wait never outlives its client.
 * Not here: which view, and how its rows look.
 */

export interface Rendered {
  readonly status: number;
  readonly headers: readonly string[];
  readonly body: string | Uint8Array;
}

export interface ViewSpec<T> {
  readonly view: View<T>;
  render(value: T): Rendered | Promise<Rendered>;
}

/** What the endpoints of a family have in common. */
export interface Family {
  /** Says which consistency it was (catalog, health). */
  readonly effectiveConsistency: boolean;
  /** A failure after the parameters were read carries the headers of an unset index. */
  readonly failuresHaveMeta: boolean;
  /** `?cached` is understood and answered with X-Cache. */
  readonly cacheable: boolean;
  /** Blocking and cached reads name the streaming backend. */
  readonly streaming: boolean;
}

/** This agent's tie to the store's leader. */
export interface Contact {
  readonly known: boolean;
  /** Milliseconds since the leader was last heard of; 0 while it is known. */
  lastContactMs(): number;
}

export interface ViewDeps {
  readonly watches: Watches;
  readonly contact: Contact;
  /** Waits until the replica shows every commit acknowledged before the call. */
  readonly catchUp: () => Promise<void>;
}

export interface ViewOptions {
  readonly limits: ReadLimits;
  readonly datacenter: string;
  /** Default reads wait for `catchUp` too. */
  readonly leaderReads: boolean;
  /** Headers common to all API answers, flat. */
  readonly baseHeaders: readonly string[];
  readonly cacheBytes: number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
}

/** Index headers of an answer that has none: what a failed query carries. */
const failedMeta: readonly string[] = [
  'X-Consul-Index',
  '1',
  'X-Consul-Knownleader',
  'false',
  'X-Consul-Lastcontact',
  '0',
  'X-Consul-Query-Backend',
  'blocking-query',
];

export class Views {
  readonly #options: ViewOptions;
  readonly #deps: ViewDeps;
  readonly #bodies: Bodies;

  constructor(options: ViewOptions, deps: ViewDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#bodies = new Bodies({ maxBytes: options.cacheBytes });
  }

  get limits(): ReadLimits {
    return this.#options.limits;
  }

  clear(): void {
    this.#bodies.clear();
  }

  /**
   * The answer to a target that was asked before and whose view has not moved since, without looking at it again;
   * undefined when it must go the whole way.
   */
  ready(target: string, rawHeaders: readonly string[]): Answer | undefined {
    const body = this.#bodies.fresh(target);
    if (body?.plain === undefined || !this.#healthy()) return undefined;
    let zip = false;
    for (let i = 0; i < rawHeaders.length; i += 2) {
      const name = rawHeaders[i]!;
      if (!watchedLengths[name.length]) continue;
      const lower = name.toLowerCase();
      if (lower === 'accept-encoding') zip = acceptsGzip(rawHeaders[i + 1]!);
      else if (watchedHeaders.has(lower)) return undefined;
    }
    if (!zip || body.bytes.length < gzipMinBytes) {
      return { status: body.status, headers: body.headers, body: body.content, wire: body.plain };
    }
    const zipped = body.zipped;
    if (zipped?.headers === undefined) return undefined;
    return { status: body.status, headers: body.headers, body: zipped.bytes, wire: zipped.headers };
  }

  /** Answers one read. `select` finds the view and what it shows of it; it runs once, before any wait. */
  answer<T>(
    request: HttpRequest,
    family: Family,
    select: (request: HttpRequest) => ViewSpec<T>,
  ): Answer | Promise<Answer> {
    const options = readOptions(request, this.#options.limits);
    try {
      checkDatacenter(request, this.#options.datacenter);
      const spec = select(request);
      const catchUp =
        options.mode === 'consistent' || (options.mode === 'leader' && this.#options.leaderReads);
      const asked: Asked = { request, family, options, question: question(request) };
      if (options.index > 0 || catchUp) return this.#wait(asked, spec, catchUp);
      return this.#respond(asked, spec);
    } catch (error) {
      throw withMeta(error, family);
    }
  }

  async #wait<T>(asked: Asked, spec: ViewSpec<T>, catchUp: boolean): Promise<Answer> {
    const { request, family, options } = asked;
    try {
      if (options.mode !== 'stale') this.#requireLeader();
      if (catchUp) await this.#deps.catchUp();
      if (options.index > 0) {
        const jitterMs = (options.waitMs / 16) * this.#options.random();
        await this.#deps.watches.park(spec.view, options.index, options.waitMs + jitterMs, request.signal);
      }
      return await this.#respond(asked, spec);
    } catch (error) {
      throw withMeta(error, family);
    }
  }

  #respond<T>(asked: Asked, spec: ViewSpec<T>): Answer | Promise<Answer> {
    this.#requireContact(asked.options);
    const hit = this.#bodies.fresh(asked.question);
    if (hit !== undefined) return this.#finish(asked, hit, true);
    const index = spec.view.index();
    const made = this.#bodies.share(asked.question, index, () => this.#render(asked.question, spec, index));
    return made instanceof Promise
      ? made.then((body) => this.#finish(asked, body, false))
      : this.#finish(asked, made, false);
  }

  #render<T>(question: string, spec: ViewSpec<T>, index: number): Body | Promise<Body> {
    const rendered = spec.render(spec.view.read());
    if (!(rendered instanceof Promise)) return this.#keep(question, spec.view, index, rendered);
    return rendered.then((late) => this.#keep(question, spec.view, index, late));
  }

  #keep(question: string, view: View<unknown>, index: number, rendered: Rendered): Body {
    const { status, headers, body } = rendered;
    const bytes =
      typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.length);
    const made: Body = {
      view,
      index,
      status,
      headers,
      bytes,
      content: typeof body === 'string' && bytes.length <= oneWriteBytes ? body : bytes,
      wires: new Map(),
      plain: undefined,
      gzip: undefined,
      zipped: undefined,
    };
    if (status === 200) this.#bodies.keep(question, made);
    return made;
  }

  #finish(asked: Asked, body: Body, hit: boolean): Answer | Promise<Answer> {
    const { request } = asked;
    const zip =
      body.bytes.length >= gzipMinBytes && acceptsGzip(findHeader(request.rawHeaders, 'accept-encoding'));
    if (zip) return this.#zipped(asked, body, hit);
    const wire = this.#wire(asked, body, hit);
    if (this.#repeatable(asked)) body.plain = wire;
    return { status: body.status, headers: body.headers, body: body.content, wire };
  }

  async #zipped(asked: Asked, body: Body, hit: boolean): Promise<Answer> {
    body.gzip ??= compress(body.bytes);
    const bytes = await body.gzip;
    const headers = [...body.headers, 'Content-Encoding', 'gzip'];
    const wire = this.#allHeaders(headers, this.#meta(asked, body.index, hit), bytes.length);
    if (this.#repeatable(asked)) {
      body.zipped = { bytes, headers: wire };
      body.plain ??= this.#wire(asked, body, hit);
    }
    return { status: body.status, headers: body.headers, body: bytes, wire };
  }

  /** Only a question that means the same each time may skip the parameters next time. */
  #repeatable({ request, options }: Asked): boolean {
    return (
      options.index === 0 &&
      options.mode !== 'consistent' &&
      !(options.mode === 'leader' && this.#options.leaderReads) &&
      !options.cached &&
      request.authorize.visibility === '' &&
      this.#healthy()
    );
  }

  /** The headers of an uncompressed answer, made once a body for all who ask in the same way. */
  #wire(asked: Asked, body: Body, hit: boolean): readonly string[] {
    const { options, family } = asked;
    const common = !options.cached && this.#healthy();
    const way = options.mode + (family.streaming && options.index > 0 ? ' streaming' : '');
    const made = common ? body.wires.get(way) : undefined;
    if (made !== undefined) return made;
    const wire = this.#allHeaders(body.headers, this.#meta(asked, body.index, hit), body.bytes.length);
    if (common) body.wires.set(way, wire);
    return wire;
  }

  #allHeaders(headers: readonly string[], meta: readonly string[], length: number): readonly string[] {
    return [...headers, ...this.#options.baseHeaders, ...meta, 'Content-Length', String(length)];
  }

  #meta({ family, options }: Asked, index: number, hit: boolean): string[] {
    const { contact } = this.#deps;
    const streaming = family.streaming && (options.index > 0 || options.cached);
    const meta = [
      'X-Consul-Index',
      String(Math.max(1, index)),
      'X-Consul-Knownleader',
      String(contact.known),
      'X-Consul-Lastcontact',
      String(Math.round(contact.lastContactMs())),
      'X-Consul-Query-Backend',
      streaming ? 'streaming' : 'blocking-query',
    ];
    if (family.effectiveConsistency) meta.push('X-Consul-Effective-Consistency', options.mode);
    if (family.cacheable && options.cached) {
      meta.push('X-Cache', hit ? 'HIT' : 'MISS', ...(hit ? ['Age', '0'] : []));
    }
    return meta;
  }

  #healthy(): boolean {
    return this.#deps.contact.known && this.#deps.contact.lastContactMs() === 0;
  }

  #requireLeader(): void {
    if (!this.#deps.contact.known) throw new HttpError(500, 'No cluster leader');
  }

  #requireContact(options: ReadOptions): void {
    if (options.mode !== 'stale') return this.#requireLeader();
    if (options.maxStaleMs > 0 && this.#deps.contact.lastContactMs() > options.maxStaleMs)
      this.#requireLeader();
  }
}

/** Above it, encoding the text again for each reader costs more than a second write. */
const oneWriteBytes = 4096;

/** One read on its way to an answer. */
interface Asked {
  readonly request: HttpRequest;
  readonly family: Family;
  readonly options: ReadOptions;
  /** What makes two reads the same, and who is allowed to see it. */
  readonly question: string;
}

function question(request: HttpRequest): string {
  const { visibility } = request.authorize;
  return visibility === '' ? questionOf(request) : `${questionOf(request)}\n${visibility}`;
}

/** Headers that change how a read is answered; their lengths rule out most others at once. */
const watchedHeaders = new Set([
  'accept-encoding',
  'authorization',
  'cache-control',
  'x-consul-namespace',
  'x-consul-partition',
  'x-consul-token',
]);
const watchedLengths: readonly boolean[] = Array.from({ length: 64 }, (_, length) =>
  [...watchedHeaders].some((name) => name.length === length),
);

/** Throws when the request is for another datacenter than this. */
export function checkDatacenter(request: HttpRequest, own: string, named = ''): void {
  const asked = request.query.get('dc') || request.query.get('datacenter') || named;
  if (asked !== '' && asked !== own) throw new HttpError(500, 'No path to datacenter');
}

function withMeta(error: unknown, family: Family): unknown {
  const known = family.failuresHaveMeta ? toHttpError(error) : undefined;
  return known === undefined ? error : new HttpError(known.status, known.message, failedMeta);
}
