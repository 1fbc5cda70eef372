import { type Key, type Revision, type Store, StoreError } from './store.ts';

/**
 * `store_copy` in the target of a copy: says whose copy it is and whether it is whole. It stays there for good, so that
 * the same copy can be told from another.
 */
export const copyMarkKey: Key = 'store_copy';

export interface CopyMark {
  readonly state: 'copying' | 'done';
  /** What was copied: a digest of the content. */
  readonly content: string;
  /** The target's index base: the source's revision. */
  readonly base: Revision;
}

/** Throws StoreError `unfinished` when a copy to this store was broken off: a half copy is never taken for a whole one. */
export async function requireWhole(store: Store): Promise<void> {
  const mark = await readMark(store);
  if (mark?.state === 'copying') {
    throw new StoreError(
      'unfinished',
      'A copy to this store was not finished. Run the same `portolan store copy` again, then start the agent.',
    );
  }
}

export async function readMark(store: Store): Promise<CopyMark | undefined> {
  for await (const { entries } of store.read({ key: copyMarkKey })) {
    const found = entries[0];
    if (found !== undefined) return decodeMark(found.value);
  }
  return undefined;
}

/** The same mark has the same bytes, so that it can be compared. */
export function encodeMark({ state, content, base }: CopyMark): Uint8Array {
  return Buffer.from(JSON.stringify({ state, content, base }));
}

function decodeMark(value: Uint8Array): CopyMark {
  const text = Buffer.from(value).toString();
  try {
    const { state, content, base } = JSON.parse(text) as Partial<CopyMark>;
    const known = state === 'copying' || state === 'done';
    if (known && typeof content === 'string' && typeof base === 'number') return { state, content, base };
  } catch {
    // Told below, as any other that is no mark of ours.
  }
  throw new StoreError(
    'unfinished',
    `The key ${copyMarkKey} of the store is not a mark of this Portolan: ${text}`,
  );
}
