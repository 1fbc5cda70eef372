/** Order of strings by their UTF-8 bytes, which JavaScript's own order (UTF-16 units) is not above U+FFFF. */
export function compareUtf8(a: string, b: string): number {
  return orderAt(a, b, firstDifference(a, b, 0));
}

/** `compareUtf8` for a long list of texts: V8's own comparison, thrice as fast, where both agree on all of them. */
export function comparerOf(texts: readonly string[]): (a: string, b: string) => number {
  return disputed.test(texts.join('')) ? compareUtf8 : compareUnits;
}

// Only among surrogates and what comes after them do UTF-16 units sort otherwise than UTF-8 bytes.
const disputed = /[\ud800-\uffff]/;

function compareUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The first place, at or after `from`, where the strings differ or one of them ends; before `from` they are equal. */
export function firstDifference(a: string, b: string, from: number): number {
  const length = Math.min(a.length, b.length);
  let at = from;
  while (at < length && a.charCodeAt(at) === b.charCodeAt(at)) at += 1;
  return at;
}

/** The order of two strings whose first difference is at `at`. */
export function orderAt(a: string, b: string, at: number): number {
  if (at >= a.length || at >= b.length) return a.length - b.length;
  return rank(a.charCodeAt(at)) - rank(b.charCodeAt(at));
}

// Surrogates (code points above U+FFFF) sort after every other unit in UTF-8.
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}
