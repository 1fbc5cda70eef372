/** Functions on strings and lists of strings. */
import { compileGoRegexp } from '../../lib/go-regexp.ts';
import { toLower, toTitle, toUpper, trimSpace } from '../../lib/go-text.ts';
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { stringMap, stringSlice } from '../../template/values.ts';

/** Built for each template: compiled patterns are kept with it. */
export function stringFunctions(): readonly GoFunction[] {
  const regexp = regexpCache();
  return [
    defineFunction('join', { params: ['string', '[]string'], result: 'string' }, (separator, list) =>
      list.items.join(separator),
    ),
    defineFunction('split', { params: ['string', 'string'], result: '[]string' }, (separator, text) =>
      stringSlice(splitTrimmed(separator, text)),
    ),
    defineFunction(
      'splitToMap',
      { params: ['string', 'string', 'string'], result: 'map[string]string' },
      (separator, assign, text) => stringMap(splitPairs(separator, assign, text)),
    ),
    stringFunction('toLower', toLower),
    stringFunction('toUpper', toUpper),
    stringFunction('toTitle', toTitle),
    stringFunction('trimSpace', trimSpace),
    defineFunction('trim', { params: ['string', 'string'], result: 'string' }, (cut, text) =>
      trim(cut, text),
    ),
    defineFunction('trimPrefix', { params: ['string', 'string'], result: 'string' }, (prefix, text) =>
      text.startsWith(prefix) ? text.slice(prefix.length) : text,
    ),
    defineFunction('trimSuffix', { params: ['string', 'string'], result: 'string' }, (suffix, text) =>
      suffix !== '' && text.endsWith(suffix) ? text.slice(0, -suffix.length) : text,
    ),
    defineFunction('indent', { params: ['int', 'string'], result: 'string' }, (width, text) =>
      indent(Number(typeof width === 'number' ? width : width.value), text),
    ),
    defineFunction('replaceAll', { params: ['string', 'string', 'string'], result: 'string' }, replaceAll),
    defineFunction('regexMatch', { params: ['string', 'string'], result: 'bool' }, (pattern, text) =>
      regexp(pattern).test(text),
    ),
    defineFunction(
      'regexReplaceAll',
      { params: ['string', 'string', 'string'], result: 'string' },
      (pattern, replacement, text) => regexp(pattern).replaceAll(text, replacement),
    ),
  ];
}

function stringFunction(name: string, change: (text: string) => string): GoFunction {
  return defineFunction(name, { params: ['string'], result: 'string' }, (text) => change(text));
}

const keptPatterns = 64;

function regexpCache(): typeof compileGoRegexp {
  const compiled = new Map<string, ReturnType<typeof compileGoRegexp>>();
  return (pattern) => {
    const known = compiled.get(pattern);
    if (known !== undefined) return known;
    const fresh = compileGoRegexp(pattern);
    // Patterns may be made of data: a bounded number is kept.
    if (compiled.size >= keptPatterns) compiled.clear();
    compiled.set(pattern, fresh);
    return fresh;
  };
}

function splitTrimmed(separator: string, text: string): readonly string[] {
  const trimmed = trimSpace(text);
  if (trimmed === '') return [];
  return separator === '' ? Array.from(trimmed) : trimmed.split(separator);
}

function splitPairs(separator: string, assign: string, text: string): Readonly<Record<string, string>> {
  const pairs = new Map<string, string>();
  for (const item of splitTrimmed(separator, text)) {
    const at = item.indexOf(assign);
    if (at >= 0) pairs.set(item.slice(0, at), item.slice(at + assign.length));
  }
  return Object.fromEntries(pairs);
}

export function trim(cut: string, text: string): string {
  const cutset = new Set(cut);
  const runes = Array.from(text);
  let start = 0;
  let end = runes.length;
  while (start < end && cutset.has(runes[start]!)) start++;
  while (end > start && cutset.has(runes[end - 1]!)) end--;
  return runes.slice(start, end).join('');
}

// Empty lines stay empty.
function indent(width: number, text: string): string {
  if (width < 0) throw new Error('indent value must be a positive integer');
  const prefix = ' '.repeat(width);
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : prefix + line))
    .join('\n');
}

/** An empty `from` matches before each rune and at the end. */
export function replaceAll(from: string, to: string, text: string): string {
  return from === ''
    ? to +
        Array.from(text)
          .map((rune) => rune + to)
          .join('')
    : text.split(from).join(to);
}
