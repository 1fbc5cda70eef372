/** The client: a few loops that ask nginx one thing after another, each over a new connection, and note every answer. */
import { request } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

const loops = 6;
const pauseMs = 10;
const timeoutMs = 5000;

/** Clock of Docker's events and of the reload script, in milliseconds. */
const now = () => performance.timeOrigin + performance.now();

export class Traffic {
  /** `{ begun, ended, by, problem }`: by = the container that answered, problem = '' when all is well. */
  requests = [];
  #port;
  #running = [];
  #isOver = false;

  constructor(port) {
    this.#port = port;
  }

  start() {
    this.#running = Array.from({ length: loops }, () => this.#loop());
  }

  async stop() {
    this.#isOver = true;
    await Promise.all(this.#running);
  }

  /** How many answers each container gave to requests begun since then. */
  answersSince(begun) {
    const counts = new Map();
    for (const { by, ...one } of this.requests) {
      if (one.begun >= begun && one.problem === '') counts.set(by, (counts.get(by) ?? 0) + 1);
    }
    return new Map([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  async #loop() {
    while (!this.#isOver) {
      const begun = now();
      const { by, problem } = await ask(this.#port);
      this.requests.push({ begun, ended: now(), by, problem });
      await sleep(pauseMs);
    }
  }
}

/** One GET; never rejects. */
export function ask(port) {
  return new Promise((resolve) => {
    const fail = (problem) => resolve({ by: '', problem });
    const sent = request({ host: '127.0.0.1', port, agent: false, timeout: timeoutMs }, (answer) => {
      let body = '';
      answer.setEncoding('utf8');
      answer.on('data', (chunk) => (body += chunk));
      answer.on('error', (error) => fail(error.message));
      answer.on('end', () =>
        answer.statusCode === 200
          ? resolve({ by: body.trim(), problem: '' })
          : fail(`status ${answer.statusCode}`),
      );
    });
    sent.on('timeout', () => sent.destroy(new Error(`no answer in ${timeoutMs} ms`)));
    sent.on('error', (error) => fail(error.message));
    sent.end();
  });
}

const settleMs = 250;

/**
 * Sorts requests by what the promise says of them. `reloads` are `{ begin, end }`, `kills` the windows of `rm -f`, as
 * `{ begin, end }` from its call to its reload; all in milliseconds.
 *
 * steady: begun 250 ms or more after a reload; nothing of it may fail, also while containers come and go as planned.
 */
export function judge(requests, { reloads, kills }) {
  const groups = { steady: [], reloading: [], killed: [] };
  for (const one of requests) {
    const isKilled = kills.some(({ begin, end }) => one.begun < end + settleMs && one.ended >= begin);
    const isReloading = reloads.some(({ begin, end }) => one.begun >= begin && one.begun < end + settleMs);
    groups[isKilled ? 'killed' : isReloading ? 'reloading' : 'steady'].push(one);
  }
  return groups;
}
