import type { Page, Revision, Selection } from '../store.ts';
import type { Caller, CallOptions } from './caller.ts';
import { type Keys, keyAfter } from './keys.ts';
import { encodeRange, methods } from './messages.ts';
import { entryOf } from './translate.ts';

/** etcd limits an answer by keys, not bytes: pages shrink as values grow. */
const firstPageKeys = 200;
const pageBytes = 2 * 1024 * 1024;
/** A page is more than other answers: it is given more time. */
const pageTryMs = 2000;
const pageBudgetMs = 6000;

/** Pages of at most `pageSize` entries, all of the first one's revision. Throws CallFailure. */
export async function* readPages(
  what: { readonly selection: Selection; readonly pageSize: number },
  deps: { readonly caller: Caller; readonly keys: Keys; readonly calls: CallOptions },
): AsyncGenerator<Page> {
  const { key, end } = deps.keys.range(what.selection);
  const calls = {
    ...deps.calls,
    tryMs: Math.max(deps.calls.tryMs, pageTryMs),
    budgetMs: Math.max(deps.calls.budgetMs, pageBudgetMs),
  };
  let from: Uint8Array = key;
  let limit = Math.min(what.pageSize, firstPageKeys);
  let revision: Revision = 0;
  for (;;) {
    const range = end === undefined ? { key: from } : { key: from, end };
    const request = encodeRange(range, { limit, revision });
    const { answer } = await deps.caller.call(methods.range, request, calls);
    if (revision === 0) ({ revision } = answer.header);
    yield { revision, entries: answer.kvs.map((kv) => entryOf(kv, deps.keys)) };
    const last = answer.kvs.at(-1);
    if (!answer.more || last === undefined) return;
    from = keyAfter(last.key);
    const bytes = answer.kvs.reduce((sum, kv) => sum + kv.key.byteLength + kv.value.byteLength, 1);
    limit = Math.max(1, Math.min(what.pageSize, Math.floor((pageBytes * answer.kvs.length) / bytes)));
  }
}
