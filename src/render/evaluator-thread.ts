/**
 * Evaluates in another thread, on copies: one evaluation at a time, in the order in which they are asked for.
 *
 * In: a template, the answers that it used last. Out: an evaluation that saw exactly those. An answer is copied when it has
 * changed since it was last sent; long lists go in pieces, so that no piece holds the event loop. The thread is started when
 * it is needed, ends when it has been idle for a while, and is ended when an evaluation takes too long.
 */
import { Worker } from 'node:worker_threads';
import type { Dependency } from './dependency.ts';
import type { Evaluation, TemplateText, World } from './evaluator.ts';
import { answerKey, resultOf } from './evaluator-messages.ts';
import type { Done, FromWorker, ToWorker } from './evaluator-messages.ts';

export interface ThreadOptions {
  /** An evaluation that takes longer is ended; default 60 s. */
  readonly limitMs?: number;
  /** Without work for so long the thread ends; default 10 s. */
  readonly idleMs?: number;
}

export interface Away {
  readonly evaluation: Evaluation;
  readonly tookMs: number;
}

const defaultLimitMs = 60_000;
const defaultIdleMs = 10_000;
/** The same while no template is expected to come again: the thread takes 25 MB. */
const unusedMs = 1000;
/** Elements of a list in one message: about a millisecond of copying. */
const pieceRows = 250;

export class EvaluatorThread {
  readonly #limitMs: number;
  readonly #idleMs: number;
  #worker: Worker | undefined;
  /** What the thread has: templates by id, answers by key. */
  readonly #templates = new Set<number>();
  readonly #sent = new Map<string, unknown>();
  readonly #wanted = new Map<number, readonly string[]>();
  /** Templates that are expected to come again. */
  readonly #users = new Set<number>();
  #nextId = 0;
  #queue: Promise<unknown> = Promise.resolve();
  #idle: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: ThreadOptions = {}) {
    this.#limitMs = options.limitMs ?? defaultLimitMs;
    this.#idleMs = options.idleMs ?? defaultIdleMs;
  }

  /** A name for a template. */
  register(): number {
    return this.#nextId++;
  }

  /** The template is evaluated elsewhere from now on. */
  release(id: number): void {
    this.#users.delete(id);
    if (this.#users.size === 0) this.#rest();
  }

  /** The template is gone: what only it wanted is dropped. */
  forget(id: number): void {
    this.release(id);
    // After what is under way, which may be its own.
    this.#queue = this.#queue.then(() => {
      this.#wanted.delete(id);
      if (this.#templates.delete(id)) this.#worker?.postMessage({ type: 'forget', id } satisfies ToWorker);
    });
  }

  /** Sees the answers to `used` as they are at the call. Never rejects. */
  evaluate(id: number, text: TemplateText, used: readonly Dependency[], world: World): Promise<Away> {
    const answers = new Map<string, { readonly data: unknown }>();
    for (const dependency of used) {
      const answer = world.lookup(dependency);
      if (answer !== undefined) answers.set(answerKey(dependency), answer);
    }
    const wallMs = world.wallMs();
    this.#users.add(id);
    const job = this.#queue.then(async () => {
      try {
        const { tookMs, ...reply } = await this.#run(id, text, answers, wallMs);
        return { evaluation: { ...reply, result: resultOf(reply.result) }, tookMs };
      } catch (error) {
        const result = { error: error as Error };
        return { evaluation: { used, missing: [], result }, tookMs: this.#limitMs };
      }
    });
    this.#queue = job;
    return job;
  }

  /** Ends the thread and what runs in it. */
  close(): void {
    this.#isClosed = true;
    this.#end();
  }

  async #run(
    id: number,
    text: TemplateText,
    answers: ReadonlyMap<string, { readonly data: unknown }>,
    wallMs: number,
  ): Promise<Done> {
    if (this.#isClosed) throw new Error('the evaluation was ended');
    clearTimeout(this.#idle);
    const worker = (this.#worker ??= this.#start());
    const post = (message: ToWorker): void => worker.postMessage(message);
    const ended = new AbortController();
    const reply = replyOf(worker, this.#limitMs, ended.signal);
    // It may end while the answers are still on their way.
    reply.catch(() => {});
    try {
      if (!this.#templates.has(id)) post({ type: 'template', id, text: plain(text) });
      this.#templates.add(id);
      this.#dropUnused(id, [...answers.keys()], post);
      for (const [key, { data }] of answers) if (this.#worker === worker) await this.#send(key, data, post);
      post({ type: 'evaluate', id, keys: [...answers.keys()], wallMs });
      return await reply;
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      ended.abort();
      this.#rest();
    }
  }

  #dropUnused(id: number, keys: readonly string[], post: (message: ToWorker) => void): void {
    this.#wanted.set(id, keys);
    const wanted = new Set([...this.#wanted.values()].flat());
    for (const key of this.#sent.keys()) {
      if (wanted.has(key)) continue;
      this.#sent.delete(key);
      post({ type: 'drop', key });
    }
  }

  async #send(key: string, data: unknown, post: (message: ToWorker) => void): Promise<void> {
    if (this.#sent.get(key) === data && data !== undefined) return;
    this.#sent.set(key, data);
    if (!Array.isArray(data) || data.length <= pieceRows) {
      post({ type: 'answer', key, data });
      return;
    }
    post({ type: 'answer', key, data: [] });
    for (let at = 0; at < data.length; at += pieceRows) {
      post({ type: 'rows', key, rows: data.slice(at, at + pieceRows) });
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  #start(): Worker {
    const worker = new Worker(new URL('./evaluator-worker.js', import.meta.url));
    // What goes wrong ends the job that waits for it.
    worker.on('error', () => {});
    worker.unref();
    return worker;
  }

  #rest(): void {
    clearTimeout(this.#idle);
    const idleMs = this.#users.size === 0 ? Math.min(unusedMs, this.#idleMs) : this.#idleMs;
    this.#idle = setTimeout(() => this.#end(), idleMs);
    this.#idle.unref();
  }

  #end(): void {
    clearTimeout(this.#idle);
    void this.#worker?.terminate();
    this.#worker = undefined;
    this.#templates.clear();
    this.#sent.clear();
  }
}

/** What comes of the evaluation; rejects when the thread ends, or after the limit. */
function replyOf(worker: Worker, limitMs: number, signal: AbortSignal): Promise<Done> {
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => reject(new Error(`the evaluation ended: ${error.message}`));
    const exited = (): void => reject(new Error('the evaluation was ended'));
    const late = (): void => reject(new Error(`exceeded the time allowed (${limitMs / 1000} s)`));
    let timer: NodeJS.Timeout | undefined;
    const told = (message: FromWorker): void => {
      if (message === 'begun') timer = setTimeout(late, limitMs).unref();
      else resolve(message);
    };
    worker.on('message', told).once('error', failed).once('exit', exited);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      worker.off('message', told).off('error', failed).off('exit', exited);
    });
  });
}

/** Limits may hold a function, which cannot be sent. */
function plain(text: TemplateText): TemplateText {
  const { name, leftDelimiter, rightDelimiter, missingKey, functionDenylist, sandboxPath, environment } =
    text;
  const { steps, depth, outputLength } = text.limits ?? {};
  return {
    name,
    text: text.text,
    leftDelimiter,
    rightDelimiter,
    missingKey,
    functionDenylist,
    sandboxPath,
    environment,
    eagerPlugins: text.eagerPlugins ?? false,
    limits: {
      ...(steps === undefined ? {} : { steps }),
      ...(depth === undefined ? {} : { depth }),
      ...(outputLength === undefined ? {} : { outputLength }),
    },
  };
}
