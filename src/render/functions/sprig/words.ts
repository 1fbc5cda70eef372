/**
 * Words in names like `HTTPServer2xx`, for snake and kebab case.
 * Source: github.com/huandu/xstrings, whose treatment of numbers this follows.
 */
import { toLower } from '../../../lib/go-text.ts';

type WordKind = 'none' | 'number' | 'upper' | 'alphabet' | 'connector' | 'punctuation' | 'other';

interface Word {
  readonly kind: WordKind;
  readonly text: string;
}

const noWord: Word = Object.freeze({ kind: 'none', text: '' });

const connector = /^[-_\p{White_Space}]$/u;
const punctuation = /^\p{P}$/u;
const upper = /^\p{Lu}$/u;
const alphabet = /^\p{L}$/u;
const number = /^\p{N}$/u;

/** Lower case with a connector between the words. */
export function delimitWords(text: string, mark: string): string {
  const words = splitWords(text);
  let at = 0;
  let out = '';
  const next = (): Word => words[at++] ?? noWord;
  const write = ({ kind, text: word }: Word): void => {
    out += kind === 'upper' || kind === 'connector' ? lower(word, mark) : word;
  };
  const skipNumbered = (from: Word): Word => {
    let word = from;
    while (word.kind === 'alphabet' || word.kind === 'number') {
      write(word);
      word = next();
    }
    return word;
  };
  const joins = (kind: WordKind): boolean => kind !== 'connector' && kind !== 'punctuation';
  let word = next();
  while (at < words.length) {
    if (word.kind !== 'connector') write(word);
    const last = word;
    word = next();
    if (last.kind === 'connector') {
      write(last);
    } else if (last.kind === 'number') {
      word = skipNumbered(word);
      if (word.kind !== 'none' && joins(word.kind)) out += mark;
    } else if (last.kind !== 'punctuation') {
      if (word.kind !== 'number') {
        if (joins(word.kind)) out += mark;
        continue;
      }
      if (at >= words.length) continue;
      const digits = word;
      word = next();
      if (word.kind !== 'alphabet') {
        // The number belongs to the word before it.
        write(digits);
        if (joins(word.kind)) out += mark;
        continue;
      }
      out += mark;
      write(digits);
      word = skipNumbered(word);
      if (word.kind !== 'none' && joins(word.kind)) out += mark;
    }
  }
  write(word);
  return out;
}

function lower(word: string, mark: string): string {
  return Array.from(word, (rune) => (connector.test(rune) ? mark : toLower(rune))).join('');
}

function splitWords(text: string): readonly Word[] {
  const runes = Array.from(text);
  const words: Word[] = [];
  for (let at = 0; at < runes.length; ) {
    const kind = kindOf(runes[at]!);
    const end = kind === 'upper' ? upperEnd(runes, at) : runEnd(runes, at + 1, sameKind(kind));
    words.push({ kind, text: runes.slice(at, end).join('') });
    at = end;
  }
  return words;
}

function kindOf(rune: string): WordKind {
  if (connector.test(rune)) return 'connector';
  if (punctuation.test(rune)) return 'punctuation';
  if (upper.test(rune)) return 'upper';
  if (alphabet.test(rune)) return 'alphabet';
  return number.test(rune) ? 'number' : 'other';
}

function sameKind(kind: WordKind): (rune: string) => boolean {
  if (kind === 'connector') return (rune) => connector.test(rune);
  if (kind === 'punctuation') return (rune) => punctuation.test(rune);
  if (kind === 'number') return (rune) => number.test(rune);
  if (kind === 'alphabet') return isSmall;
  return (rune) => !(connector.test(rune) || isAlphabet(rune) || number.test(rune) || punctuation.test(rune));
}

function isAlphabet(rune: string): boolean {
  return alphabet.test(rune);
}

function isSmall(rune: string): boolean {
  return isAlphabet(rune) && !upper.test(rune);
}

function runEnd(runes: readonly string[], from: number, belongs: (rune: string) => boolean): number {
  let end = from;
  while (end < runes.length && belongs(runes[end]!)) end++;
  return end;
}

// `HTTPStatus` is HTTP and Status: the last capital goes with the small letters.
function upperEnd(runes: readonly string[], from: number): number {
  const second = runes[from + 1];
  if (second === undefined || !isAlphabet(second)) return from + 1;
  if (!upper.test(second)) return runEnd(runes, from + 2, isSmall);
  const end = runEnd(runes, from + 2, (rune) => upper.test(rune));
  return end < runes.length && isAlphabet(runes[end]!) ? end - 1 : end;
}
