import { request } from 'undici';

export interface HistoryEvent {
  readonly revision: number;
  /** As the store names it. */
  readonly key: string;
  /** undefined = deleted. */
  readonly value: Buffer | undefined;
}

interface WatchMessage {
  readonly result: {
    readonly compact_revision?: string;
    readonly events?: readonly {
      readonly type?: 'DELETE';
      readonly kv: { readonly key: string; readonly value?: string; readonly mod_revision: string };
    }[];
  };
}

/**
 * All that ever happened to the rows of a store in etcd, in order, up to now. `url` is a member's, `namespace` the store's.
 * Throws when etcd was compacted.
 */
export async function readHistory(url: string, namespace: string): Promise<readonly HistoryEvent[]> {
  const prefix = `${namespace}/`;
  const rows = `${prefix}k/`;
  const range = { key: base64(prefix), range_end: base64(`${prefix.slice(0, -1)}${following(prefix)}`) };
  const newest = Number(
    (
      (await (await post(url, '/v3/kv/range', { ...range, limit: 1 })).json()) as {
        header: { revision: string };
      }
    ).header.revision,
  );
  // A mark beside the rows, so that the end is seen when it comes.
  const mark = `${prefix}history-read`;
  await (await post(url, '/v3/kv/put', { key: base64(mark), value: '' })).dump();
  const stream = await post(url, '/v3/watch', { create_request: { ...range, start_revision: '1' } });
  const events: HistoryEvent[] = [];
  for await (const { result } of messages(stream)) {
    if (result.compact_revision !== undefined)
      throw new Error(`etcd was compacted at ${result.compact_revision}`);
    for (const { type, kv } of result.events ?? []) {
      const key = Buffer.from(kv.key, 'base64').toString();
      const revision = Number(kv.mod_revision);
      if (key === mark && revision > newest) return events;
      const value = type === 'DELETE' ? undefined : Buffer.from(kv.value ?? '', 'base64');
      if (key.startsWith(rows)) events.push({ revision, key: key.slice(rows.length), value });
    }
  }
  throw new Error('the watch ended before its end');
}

/** One JSON message a line. */
async function* messages(stream: AsyncIterable<Buffer>): AsyncIterable<WatchMessage> {
  let rest = '';
  for await (const chunk of stream) {
    const lines = (rest + chunk.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) yield JSON.parse(line) as WatchMessage;
  }
}

type Body = Awaited<ReturnType<typeof request>>['body'];

async function post(url: string, path: string, body: unknown): Promise<Body> {
  return (await request(`${url}${path}`, { method: 'POST', body: JSON.stringify(body) })).body;
}

function following(prefix: string): string {
  return String.fromCharCode(prefix.charCodeAt(prefix.length - 1) + 1);
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
