import { ManualClock } from '../lib/clock.testkit.ts';
import { Watches } from '../watch/watches.ts';
import type { View } from '../watch/view.ts';
import { textAnswer, type Answer } from './answer.ts';
import { HttpError } from './errors.ts';
import { Query } from './query.ts';
import { HttpRequest } from './request.ts';
import { Views, type Family } from './views.ts';

const family: Family = {
  effectiveConsistency: true,
  failuresHaveMeta: true,
  cacheable: false,
  streaming: false,
};

/** A store that is lost and found by hand, and a replica that is as new as it says. */
export class HandStore {
  lostMs = 0;
  barriers = 0;
  /** What the store has given; the replica shows it unless `lagging`. */
  revision = 1000;
  lagging: number | undefined;
  highest = 1000;
  restores = 0;
  readonly #watchers: (() => void)[] = [];

  readonly store = {
    lastAnswerAgoMs: () => this.lostMs,
    barrier: () => {
      this.barriers++;
      return this.lostMs === 0 ? Promise.resolve(this.revision) : Promise.reject(new Error('no answer'));
    },
  };

  readonly replica = this.#replica();

  /** The replica catches up. */
  show(): void {
    this.lagging = undefined;
    for (const run of this.#watchers.splice(0)) run();
  }

  #replica() {
    const revision = (): number => this.lagging ?? this.revision;
    const highest = (): number => this.highest;
    const restores = (): number => this.restores;
    return {
      get revision() {
        return revision();
      },
      get highest() {
        return highest();
      },
      get restores() {
        return restores();
      },
      waitFor: (_wanted: number, signal?: AbortSignal) =>
        new Promise<void>((resolve) => {
          if (revision() >= _wanted) return resolve();
          this.#watchers.push(resolve);
          signal?.addEventListener('abort', () => resolve());
        }),
    };
  }
}

/** A view of one number, moved by hand, and readers of it. */
export class Bench {
  readonly clock = new ManualClock();
  readonly watches = new Watches({ clock: this.clock });
  readonly hand = new HandStore();
  renders = 0;
  firstIndex: number | undefined;
  index = 5;
  readonly views: Views;
  readonly view: View<number> = { topics: ['t'], index: () => this.index, read: () => this.index * 10 };

  constructor(options: { readonly leaderReads?: boolean; readonly discoveryMaxStaleMs?: number } = {}) {
    const limits = {
      defaultWaitMs: 300_000,
      maxWaitMs: 600_000,
      discoveryMaxStaleMs: options.discoveryMaxStaleMs ?? 0,
      useCache: true,
    };
    this.views = new Views(
      {
        limits,
        datacenter: 'dc1',
        leaderReads: options.leaderReads ?? false,
        baseHeaders: [],
        cacheBytes: 1_000_000,
        random: () => 1,
      },
      {
        watches: this.watches,
        store: this.hand.store,
        replica: this.hand.replica,
        clock: this.clock,
      },
    );
  }

  ask(query = '', path = '/v1/catalog/nodes', rawHeaders: readonly string[] = []): Promise<Answer> {
    const text = (value: number): string => {
      this.renders++;
      return String(value);
    };
    return askView(this.views, this.view, path, query, text, rawHeaders, this.firstIndex);
  }

  move(): void {
    this.index++;
    this.watches.publish(['t']);
  }
}

/** One read of a view, answered as the API would. */
export async function askView<T>(
  views: Views,
  view: View<T>,
  path: string,
  query: string,
  text: (value: T) => string,
  rawHeaders: readonly string[] = [],
  firstIndex?: number,
): Promise<Answer> {
  const target = query === '' ? path : `${path}?${query}`;
  const head = { method: 'GET', target, rawHeaders, remoteAddress: '' };
  const parts = { path, target, tail: '', query: Query.parse(query)!, rawQuery: query, pretty: false };
  const { signal } = new AbortController();
  const source = { body: () => Promise.resolve(new Uint8Array()), signal: () => signal };
  try {
    return await views.answer(new HttpRequest(head, parts, source), family, () => ({
      view,
      render: (value) => ({
        status: 200,
        headers: [],
        body: text(value),
        ...(firstIndex === undefined ? {} : { firstIndex }),
      }),
    }));
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    return { ...textAnswer(error.status, error.message), headers: error.headers };
  }
}

export function header(answer: Answer, name: string): string | undefined {
  const list = answer.wire ?? answer.headers;
  const at = list.indexOf(name);
  return at < 0 ? undefined : list[at + 1];
}
