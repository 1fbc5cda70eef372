/** sprig's changes of case. Source: github.com/Masterminds/goutils, github.com/huandu/xstrings, Go strings.Title. */
import { toLower, toTitleRunes, toUpper } from '../../../lib/go-text.ts';
import { defineFunction } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import { toBytes } from '../../../template/text.ts';
import { delimitWords } from './words.ts';

export const caseFunctions: readonly GoFunction[] = [
  onText('title', title),
  onText('untitle', untitle),
  onText('swapcase', swapCase),
  onText('initials', initials),
  onText('snakecase', (text) => delimitWords(text, '_')),
  onText('kebabcase', (text) => delimitWords(text, '-')),
  onText('camelcase', pascalCase),
  onText('shuffle', shuffle),
];

function onText(name: string, change: (text: string) => string): GoFunction {
  return defineFunction(name, { params: ['string'], result: 'string' }, (text) => change(text));
}

const wordRune = /^[\p{L}\p{Nd}_]$/u;
const spaceRune = /^\p{White_Space}$/u;

// Only ASCII signs and spaces end a word.
function isSeparator(rune: string): boolean {
  if (wordRune.test(rune)) return false;
  return rune.charCodeAt(0) < 0x80 || spaceRune.test(rune);
}

function title(text: string): string {
  let previous = ' ';
  let out = '';
  for (const rune of text) {
    out += isSeparator(previous) ? toTitleRunes(rune) : rune;
    previous = rune;
  }
  return out;
}

function untitle(text: string): string {
  let atStart = true;
  let out = '';
  for (const rune of text) {
    const isSpace = spaceRune.test(rune);
    out += !isSpace && atStart ? toLower(rune) : rune;
    atStart = isSpace;
  }
  return out;
}

// A small letter at the start of a word gets its title form.
function swapCase(text: string): string {
  let atStart = true;
  let out = '';
  for (const rune of text) {
    if (/^[\p{Lu}\p{Lt}]$/u.test(rune)) out += toLower(rune);
    else if (!/^\p{Ll}$/u.test(rune)) out += rune;
    else out += atStart ? toTitleRunes(rune) : toUpper(rune);
    atStart = spaceRune.test(rune);
  }
  return out;
}

// Byte by byte: of a longer character each byte counts as one.
function initials(text: string): string {
  let gap = true;
  let out = '';
  for (const byte of toBytes(text)) {
    const rune = String.fromCharCode(byte);
    if (spaceRune.test(rune)) {
      gap = true;
    } else if (gap) {
      out += rune;
      gap = false;
    }
  }
  return out;
}

function isConnector(rune: string): boolean {
  return rune === '-' || rune === '_' || spaceRune.test(rune);
}

/** `http_server` becomes `HttpServer`, `HTTPServer` `Httpserver`, `fooBar` `FooBar`; connectors at the ends and doubled ones stay. */
function pascalCase(text: string): string {
  const runes = Array.from(text);
  const first = runes.findIndex((rune) => !isConnector(rune));
  // A name of connectors alone gets its last one twice.
  if (first < 0) return text + (runes.at(-1) ?? '');
  let out = runes.slice(0, first).join('');
  // What began with a capital loses the capitals that follow, up to the first small letter.
  let lowers = isCapital(runes[first]!);
  let held = toUpper(runes[first]!);
  for (const rune of runes.slice(first + 1)) {
    if (isConnector(rune) && isConnector(held)) {
      out += held;
      held = rune;
    } else if (isConnector(held)) {
      lowers = isCapital(rune);
      held = toUpper(rune);
    } else {
      out += held;
      lowers &&= isCapital(rune);
      held = lowers ? toLower(rune) : rune;
    }
  }
  return out + held;
}

function isCapital(rune: string): boolean {
  return /^\p{Lu}$/u.test(rune);
}

function shuffle(text: string): string {
  const runes = Array.from(text);
  for (let i = runes.length - 1; i > 0; i--) {
    const j = Math.floor(Math.random() * (i + 1));
    [runes[i], runes[j]] = [runes[j]!, runes[i]!];
  }
  return runes.join('');
}
