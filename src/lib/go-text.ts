/** Go's string mappings where JavaScript's differ: rune by rune, never changing the number of runes. */

const ascii = /^[\0-\x7f]*$/;

/** unicode.ToLower of each rune: no context (final sigma), no expansion. */
export function toLower(text: string): string {
  if (ascii.test(text)) return text.toLowerCase();
  return mapRunes(text, (rune) => (rune === 'İ' ? 'i' : rune.toLowerCase()));
}

/** unicode.ToUpper of each rune: `ß` stays as it is. */
export function toUpper(text: string): string {
  if (ascii.test(text)) return text.toUpperCase();
  return mapRunes(text, (rune) => iotaSubscript(rune) ?? rune.toUpperCase());
}

/** Raises the first letter of each word and leaves the rest: `o'neil` becomes `O'neil`. Words as in UAX #29. */
export function toTitle(text: string): string {
  let out = '';
  for (const { segment, isWordLike } of new Intl.Segmenter('en', { granularity: 'word' }).segment(text)) {
    const first = isWordLike === true ? String.fromCodePoint(segment.codePointAt(0)!) : '';
    out += toUpper(first) + segment.slice(first.length);
  }
  return out;
}

/** strings.TrimSpace: Unicode's White_Space, which has U+0085 and not U+FEFF. */
export function trimSpace(text: string): string {
  return text.replace(/^[\p{White_Space}]+/u, '').replace(/(?<![\p{White_Space}])[\p{White_Space}]+$/u, '');
}

function mapRunes(text: string, map: (rune: string) => string): string {
  let out = '';
  for (const rune of text) {
    const mapped = map(rune);
    out += Array.from(mapped).length === 1 ? mapped : rune;
  }
  return out;
}

// The Greek letters whose one-rune capital JavaScript writes as two.
function iotaSubscript(rune: string): string | undefined {
  const code = rune.codePointAt(0)!;
  const row = code & 0xfff8;
  if (row === 0x1f80 || row === 0x1f90 || row === 0x1fa0) return String.fromCodePoint(code + 8);
  return code === 0x1fb3 || code === 0x1fc3 || code === 0x1ff3 ? String.fromCodePoint(code + 9) : undefined;
}
