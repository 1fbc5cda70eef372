import assert from 'node:assert/strict';
import { test } from 'node:test';

import fc from 'fast-check';

import type { Entry } from '../store.ts';
import { decodeEntry, decodeRevisions, encodeEntry, prefixEnd } from './records.ts';

const revision = fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER });
const entry: fc.Arbitrary<Entry> = fc
  .record({
    value: fc.uint8Array({ maxLength: 200 }),
    createRevision: revision,
    modRevision: revision,
    lease: fc.option(fc.uuid(), { nil: undefined }),
  })
  .map(({ lease, ...rest }) => ({ key: 'k', ...rest, ...(lease === undefined ? {} : { lease }) }));

test('an entry is read back as it was written', () => {
  fc.assert(
    fc.property(entry, (want) => {
      const record = encodeEntry(want);
      const got = decodeEntry('k', record);
      assert.deepEqual({ ...got, value: new Uint8Array(got.value) }, want);
      assert.deepEqual(decodeRevisions(record), {
        createRevision: want.createRevision,
        modRevision: want.modRevision,
      });
    }),
  );
});

test('bytes that are no record give a RangeError or an entry, never another error', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
      try {
        decodeEntry('k', Buffer.from(bytes));
      } catch (error) {
        assert.ok(error instanceof RangeError);
      }
    }),
  );
});

const bytes = (text: string): Buffer => Buffer.from(text);
const text = fc.string({
  unit: fc.constantFrom('a', 'b', '\u0000', '\uffff', '\ud7ff', '\ue000', '😀', '\u{10ffff}'),
});

test('the keys from a prefix to its end are those that begin with it', () => {
  fc.assert(
    fc.property(text, text, (prefix, key) => {
      const within =
        Buffer.compare(bytes(key), bytes(`e${prefix}`)) >= 0 &&
        Buffer.compare(bytes(key), bytes(prefixEnd(`e${prefix}`))) < 0;
      assert.equal(within, key.startsWith(`e${prefix}`));
      const inside = `e${prefix}${key}`;
      assert.ok(Buffer.compare(bytes(inside), bytes(prefixEnd(`e${prefix}`))) < 0);
    }),
  );
});
