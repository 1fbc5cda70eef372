/** The thread for long evaluations: keeps copies of templates and answers, and evaluates one template at a time. */
import { parentPort } from 'node:worker_threads';
import type { MessagePort } from 'node:worker_threads';
import type { Dependency } from './dependency.ts';
import { Evaluator, processEnvironment } from './evaluator.ts';
import { answerKey, plainResult } from './evaluator-messages.ts';
import type { Done, FromWorker, ToWorker } from './evaluator-messages.ts';

class Bench {
  readonly #evaluators = new Map<number, Evaluator>();
  readonly #answers = new Map<string, { readonly data: unknown }>();

  take(message: ToWorker): Done | undefined {
    switch (message.type) {
      case 'template':
        this.#evaluators.set(message.id, new Evaluator(message.text));
        return undefined;
      case 'forget':
        this.#evaluators.delete(message.id);
        return undefined;
      case 'answer':
        this.#answers.set(message.key, { data: message.data });
        return undefined;
      case 'rows':
        (this.#answers.get(message.key)!.data as unknown[]).push(...message.rows);
        return undefined;
      case 'drop':
        this.#answers.delete(message.key);
        return undefined;
      case 'evaluate':
        return this.#evaluate(message);
    }
  }

  #evaluate({ id, keys, wallMs }: Extract<ToWorker, { type: 'evaluate' }>): Done {
    const visible = new Set(keys);
    const started = performance.now();
    const { used, missing, result } = this.#evaluators.get(id)!.evaluate({
      lookup: (dependency: Dependency) => {
        const key = answerKey(dependency);
        return visible.has(key) ? this.#answers.get(key) : undefined;
      },
      environment: processEnvironment,
      wallMs: () => wallMs,
    });
    return { used, missing, result: plainResult(result), tookMs: performance.now() - started };
  }
}

function serve(port: MessagePort): void {
  const bench = new Bench();
  port.on('message', (message: ToWorker) => {
    // Its time counts from here: not while this thread starts and copies arrive.
    if (message.type === 'evaluate') port.postMessage('begun' satisfies FromWorker);
    const reply = bench.take(message);
    if (reply !== undefined) port.postMessage(reply);
  });
}

if (parentPort !== null) serve(parentPort);
