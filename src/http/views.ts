import type { View } from '../watch/view.ts';
import type { Watches } from '../watch/watches.ts';
import type { Answer } from './answer.ts';
import { Bodies, type Body } from './bodies.ts';
import { acceptsGzip, compress, gzipMinBytes } from './compress.ts';
import { HttpError, toHttpError } from './errors.ts';
import { Freshness, type FreshnessDeps, NoLeaderError } from './freshness.ts';
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
  /** Shown instead of the view's index to who passes none, where Consul has no index to show. */
  readonly firstIndex?: number;
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

export interface ViewDeps extends FreshnessDeps {
  readonly watches: Watches;
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
function failedMeta(lostMs: number): readonly string[] {
  return [
    'X-Consul-Index',
    '1',
    'X-Consul-Knownleader',
    'false',
    'X-Consul-Lastcontact',
    String(Math.round(lostMs)),
    'X-Consul-Query-Backend',
    'blocking-query',
  ];
}

export class Views {
  readonly #options: ViewOptions;
  readonly #deps: ViewDeps;
  readonly #bodies: Bodies;
  readonly #freshness: Freshness;
  /** After a restoration of the store an index may mean something else. */
  #restores = 0;

  constructor(options: ViewOptions, deps: ViewDeps) {
    this.#options = options;
    this.#deps = deps;
    this.#bodies = new Bodies({ maxBytes: options.cacheBytes });
    this.#freshness = new Freshness(deps);
  }

  get limits(): ReadLimits {
    return this.#options.limits;
  }

  /** How far answers may be trusted. */
  get freshness(): Freshness {
    return this.#freshness;
  }

  /**
   * The answer to a target that was asked before and whose view has not moved since, without looking at it again;
   * undefined when it must go the whole way.
   */
  ready(target: string, rawHeaders: readonly string[]): Answer | undefined {
    const body = this.#fresh(target);
    if (body?.plain === undefined || !this.#freshness.inTouch()) return undefined;
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
      throw this.#withMeta(error, family);
    }
  }

  async #wait<T>(asked: Asked, spec: ViewSpec<T>, catchUp: boolean): Promise<Answer> {
    const { request, family, options } = asked;
    try {
      this.#requireFresh(options);
      if (catchUp) await this.#freshness.catchUp(request.signal);
      if (options.index > 0) await this.#park(asked, spec);
      return await this.#respond(asked, spec);
    } catch (error) {
      throw this.#withMeta(error, family);
    }
  }

  /**
   * Waits for the view to move past the asked index. An index above what this agent shows is waited for; one that the
   * store has not given either is of a future that may never come, or of a history that is gone: then the view's next
   * move ends the wait, and the answer has the real index.
   */
  async #park<T>({ options, request }: Asked, { view }: ViewSpec<T>): Promise<void> {
    const jitterMs = (options.waitMs / 16) * this.#options.random();
    const untilMs = this.#deps.clock.monotonicMs() + options.waitMs + jitterMs;
    const known = await this.#freshness.reach(options.index, options.waitMs, request.signal);
    if (known === 'gone') return;
    const leftMs = Math.max(0, untilMs - this.#deps.clock.monotonicMs());
    const index = known === 'future' ? view.index() : options.index;
    const waitMs = known === 'future' ? Math.min(leftMs, futureWaitMs) : leftMs;
    await this.#deps.watches.park(view, index, waitMs, request.signal);
    // Older than what the client has seen: only who asked for stale answers may be told.
    const isOlder = known === 'unknown' && this.#deps.replica.revision < options.index;
    if (isOlder && options.mode !== 'stale') throw new NoLeaderError();
  }

  #requireFresh({ mode, maxStaleMs, staleIfErrorMs }: ReadOptions): void {
    if (mode === 'stale') {
      if (maxStaleMs > 0) this.#freshness.requireYounger(maxStaleMs);
    } else if (staleIfErrorMs > 0) this.#freshness.requireYounger(staleIfErrorMs);
    else this.#freshness.requireContact();
  }

  #fresh(question: string): Body | undefined {
    const { restores } = this.#deps.replica;
    if (restores !== this.#restores) {
      this.#restores = restores;
      this.#bodies.clear();
    }
    return this.#bodies.fresh(question);
  }

  #respond<T>(asked: Asked, spec: ViewSpec<T>): Answer | Promise<Answer> {
    this.#requireFresh(asked.options);
    const hit = this.#fresh(asked.question);
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
    const { status, headers, body, firstIndex } = rendered;
    const bytes =
      typeof body === 'string' ? Buffer.from(body) : Buffer.from(body.buffer, body.byteOffset, body.length);
    const made: Body = {
      view,
      index,
      firstIndex: firstIndex ?? index,
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
    const wire = this.#allHeaders(headers, this.#meta(asked, body, hit), bytes.length);
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
      this.#freshness.inTouch()
    );
  }

  /** The headers of an uncompressed answer, made once a body for all who ask in the same way. */
  #wire(asked: Asked, body: Body, hit: boolean): readonly string[] {
    const { options, family } = asked;
    const common =
      !options.cached && this.#shownIndex(options, body) === body.index && this.#freshness.inTouch();
    const way = options.mode + (family.streaming && options.index > 0 ? ' streaming' : '');
    const made = common ? body.wires.get(way) : undefined;
    if (made !== undefined) return made;
    const wire = this.#allHeaders(body.headers, this.#meta(asked, body, hit), body.bytes.length);
    if (common) body.wires.set(way, wire);
    return wire;
  }

  #allHeaders(headers: readonly string[], meta: readonly string[], length: number): readonly string[] {
    return [...headers, ...this.#options.baseHeaders, ...meta, 'Content-Length', String(length)];
  }

  #withMeta(error: unknown, family: Family): unknown {
    const lost = error instanceof NoLeaderError;
    const known = family.failuresHaveMeta || lost ? toHttpError(error) : undefined;
    if (known === undefined) return error;
    return new HttpError(known.status, known.message, failedMeta(lost ? this.#freshness.lostMs() : 0));
  }

  /** Never below an index that the asker holds and this agent has reached: the body is no older than that. */
  #shownIndex({ index }: ReadOptions, body: Body): number {
    if (index === 0) return body.firstIndex;
    return index > body.index && index <= this.#deps.replica.revision ? index : body.index;
  }

  #meta({ family, options }: Asked, body: Body, hit: boolean): string[] {
    const lostMs = this.#freshness.lostMs();
    const streaming = family.streaming && (options.index > 0 || options.cached);
    const meta = [
      'X-Consul-Index',
      String(Math.max(1, this.#shownIndex(options, body))),
      'X-Consul-Knownleader',
      String(lostMs === 0),
      'X-Consul-Lastcontact',
      String(Math.round(lostMs)),
      'X-Consul-Query-Backend',
      streaming ? 'streaming' : 'blocking-query',
    ];
    if (family.effectiveConsistency) meta.push('X-Consul-Effective-Consistency', options.mode);
    if (family.cacheable && options.cached) {
      meta.push('X-Cache', hit ? 'HIT' : 'MISS', ...(hit ? ['Age', String(Math.floor(lostMs / 1000))] : []));
    }
    return meta;
  }
}

/**
 * Longest wait for an index that the store has not given. Consul waits to the end; but a client whose index is of a
 * history that is gone would not be told of anything until then.
 */
const futureWaitMs = 5000;

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
