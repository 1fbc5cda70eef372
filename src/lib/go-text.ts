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

/** unicode.ToTitle of each rune: as toUpper, but for the digraphs and Georgian. */
export function toTitleRunes(text: string): string {
  return mapRunes(text, (rune) => {
    if (/^\p{Lt}$/u.test(rune) || georgian.test(rune)) return rune;
    return digraphs.get(rune) ?? toUpper(rune);
  });
}

/**
 * cases.Title with NoLower of golang.org/x/text: raises the first cased letter of each word and leaves the rest: `o'neil`
 * becomes `O'neil`, `1st` `1St`, `ß` `Ss`. Its words are x/text's, which approximate UAX #29.
 */
export function toTitle(text: string): string {
  let out = '';
  let inWord = false;
  let wasMiddle = false;
  for (const rune of text) {
    const isMiddle = middle.test(rune);
    if (wasMiddle && isMiddle) inWord = false;
    wasMiddle = isMiddle;
    const isFirst = !inWord && cased.test(rune);
    out += isFirst ? fullTitle(rune) : rune;
    if (isFirst) inWord = true;
    else if (!isMiddle && !inWords.test(rune)) inWord = false;
  }
  return out;
}

const cased = /^\p{Cased}$/u;
// Mid letters and numbers, quotes: one of them does not end a word, two do.
const middle = /^['.:\u00b7\u0387\u055f\u05f4\u2018\u2019\u2024\u2027\ufe13\ufe52\ufe55\uff07\uff0e\uff1a]$/u;
// East Asian letters and those that need a dictionary stand alone.
const inWords =
  /^(?![\p{scx=Han}\p{scx=Hira}\p{scx=Kana}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmr}\p{sc=Mymr}\u200b])[\p{L}\p{M}\p{Nd}\p{Nl}\p{Pc}\p{Cf}\p{Cased}]$/u;
const georgian = /^[\u10d0-\u10ff]$/u;
const digraphs: ReadonlyMap<string, string> = new Map([
  ...['Ǆ', 'ǆ'].map((rune) => [rune, 'ǅ'] as const),
  ...['Ǉ', 'ǉ'].map((rune) => [rune, 'ǈ'] as const),
  ...['Ǌ', 'ǌ'].map((rune) => [rune, 'ǋ'] as const),
  ...['Ǳ', 'ǳ'].map((rune) => [rune, 'ǲ'] as const),
]);

// Unlike toTitleRunes, one rune may become several.
function fullTitle(rune: string): string {
  const single = toTitleRunes(rune);
  const upper = rune.toUpperCase();
  if (single !== rune || Array.from(upper).length === 1 || /^\p{Lt}$/u.test(rune)) return single;
  const [first = '', ...rest] = Array.from(upper);
  if (!/^\p{Lu}$/u.test(first)) return upper;
  const isGreek = rune >= '\u1f80' && rune <= '\u1ffc';
  return first + rest.map((next) => (isGreek && next === 'Ι' ? '\u0345' : next.toLowerCase())).join('');
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
