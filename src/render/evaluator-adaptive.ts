/**
 * A template evaluated where it holds nobody up: at once while that takes a few milliseconds, else in another thread.
 *
 * Invariants: an evaluation never holds the event loop longer than `holdMs`, but for the first call of a function that is
 * itself slow; it sees one set of answers, those of the moment when it began. When these change under way it is still
 * finished and given out, once, and another one follows: changes that never end do not starve a template.
 */
import { readFileSync } from 'node:fs';
import type { Dependency } from './dependency.ts';
import { Evaluator } from './evaluator.ts';
import type { Evaluation, TemplateText, World } from './evaluator.ts';
import { answerKey } from './evaluator-messages.ts';
import type { EvaluatorThread } from './evaluator-thread.ts';

/** What an evaluation may take here; the file is still to be compared and written in the same turn. */
const holdMs = 18;
/** Nanoseconds on a processor, first of all, of the main thread. Linux. */
const schedule = `/proc/self/task/${process.pid}/schedstat`;
/** An evaluation that took less will hardly take too long the next time: its time is kept in the cheaper way. */
const shortMs = 3;
/** What took less than this elsewhere comes back. */
const backMs = 10;

/** These take tens of milliseconds and more by themselves. */
const slowFunctions: ReadonlySet<string> = new Set([
  'plugin',
  'sprig_bcrypt',
  'sprig_buildCustomCert',
  'sprig_derivePassword',
  'sprig_genCA',
  'sprig_genCAWithKey',
  'sprig_genPrivateKey',
  'sprig_genSelfSignedCert',
  'sprig_genSelfSignedCertWithKey',
  'sprig_genSignedCert',
  'sprig_genSignedCertWithKey',
  'sprig_htpasswd',
]);

export class AdaptiveEvaluator {
  readonly #text: TemplateText;
  readonly #evaluator: Evaluator;
  readonly #thread: EvaluatorThread;
  readonly #id: number;
  readonly #isSlow: boolean;
  #isAway: boolean;
  #lastMs = Number.POSITIVE_INFINITY;
  #isUnderWay = false;
  #isOutdated = false;
  #finished: Evaluation | undefined;
  #used: readonly Dependency[] = [];
  /** Keys of the answers that the evaluation under way has. */
  #sent: ReadonlySet<string> = new Set();

  /** Throws TemplateError when the text does not parse. */
  constructor(text: TemplateText, thread: EvaluatorThread) {
    this.#text = text;
    this.#evaluator = new Evaluator(text);
    this.#thread = thread;
    this.#id = thread.register();
    this.#isSlow = this.#evaluator.functionNames.some((name) => slowFunctions.has(name));
    this.#isAway = this.#isSlow;
  }

  /** It will not be evaluated any more. */
  close(): void {
    this.#thread.forget(this.#id);
  }

  /** Undefined: it is under way elsewhere. `onDone` is then called when it is worth to ask again. */
  evaluate(world: World, onDone: () => void): Evaluation | undefined {
    const finished = this.#finished;
    if (finished !== undefined) return this.#takeUp(finished, world, onDone);
    if (this.#isUnderWay) {
      this.#isOutdated = true;
      return undefined;
    }
    return this.#isAway ? this.#send(world, onDone) : this.#evaluateHere(world, onDone);
  }

  #takeUp(finished: Evaluation, world: World, onDone: () => void): Evaluation | undefined {
    this.#finished = undefined;
    this.#used = finished.used;
    // It asked for something that is known here and was not sent along.
    const isShort = finished.missing.some(
      (dependency) => !this.#sent.has(answerKey(dependency)) && world.lookup(dependency) !== undefined,
    );
    if (isShort) return this.#send(world, onDone);
    if (this.#isOutdated) queueMicrotask(onDone);
    this.#isOutdated = false;
    return finished;
  }

  #evaluateHere(world: World, onDone: () => void): Evaluation | undefined {
    const hold = new Hold(holdMs, this.#lastMs < shortMs ? processMs : threadMs);
    const evaluation = this.#evaluator.evaluate(world, undefined, () => hold.isOver());
    this.#used = evaluation.used;
    if (hold.isExceeded) return this.#send(world, onDone);
    this.#isAway = hold.isOver();
    this.#lastMs = hold.sinceMs;
    return evaluation;
  }

  #send(world: World, onDone: () => void): undefined {
    this.#isAway = true;
    this.#isUnderWay = true;
    const known = this.#used.filter((dependency) => world.lookup(dependency) !== undefined);
    this.#sent = new Set(known.map(answerKey));
    void this.#thread.evaluate(this.#id, this.#text, known, world).then(({ evaluation, tookMs }) => {
      this.#isUnderWay = false;
      this.#finished = evaluation;
      if (!this.#isSlow && tookMs < backMs) {
        this.#isAway = false;
        this.#thread.release(this.#id);
      }
      onDone();
    });
    return undefined;
  }
}

/**
 * Time of one's own: while the process was put aside, or its helper threads compiled and collected, this thread did not hold
 * anybody up any longer than they would have waited anyway.
 */
class Hold {
  readonly #startedMs = performance.now();
  readonly #busyMs: () => number;
  readonly #startedBusyMs: number;
  readonly #limitMs: number;
  #isExceeded = false;

  constructor(limitMs: number, busyMs: () => number) {
    this.#limitMs = limitMs;
    this.#busyMs = busyMs;
    this.#startedBusyMs = busyMs();
  }

  get isExceeded(): boolean {
    return this.#isExceeded;
  }

  get sinceMs(): number {
    return performance.now() - this.#startedMs;
  }

  isOver(): boolean {
    if (this.sinceMs < this.#limitMs) return false;
    this.#isExceeded = this.#busyMs() - this.#startedBusyMs >= this.#limitMs;
    return this.#isExceeded;
  }
}

/** What this thread has had of a processor. To ask takes 10 to 20 µs. */
function threadMs(): number {
  try {
    return Number(readFileSync(schedule, 'latin1').split(' ', 1)[0]) / 1e6;
  } catch {
    return processMs();
  }
}

/** What all threads have had: more, but asked for in 1 µs. */
function processMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}
