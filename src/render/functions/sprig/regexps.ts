/** sprig's regular expressions. The plain forms panic on a bad pattern, in Go's words; `mustX` fail with the bare reason. */
import { compileGoRegexp, quoteGoPattern } from '../../../lib/go-regexp.ts';
import type { GoRegexp } from '../../../lib/go-regexp.ts';
import { defineFunction } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import { canBackquote, quote } from '../../../template/quote.ts';
import { stringSliceType } from '../../../template/types.ts';
import { Slice } from '../../../template/values.ts';
import { numberOf } from './cast.ts';

type Compile = (pattern: string) => GoRegexp;

const three = ['string', 'string', 'string'] as const;
const counted = ['string', 'string', 'int'] as const;

export const regexpFunctions: readonly GoFunction[] = [
  defineFunction('regexMatch', { params: ['string', 'string'], result: 'bool' }, (pattern, text) => {
    try {
      return compileGoRegexp(pattern).test(text);
    } catch {
      return false;
    }
  }),
  defineFunction('mustRegexMatch', { params: ['string', 'string'], result: 'bool' }, (pattern, text) =>
    compileGoRegexp(pattern).test(text),
  ),
  ...forms('egexFind', (name, compile) =>
    defineFunction(name, { params: ['string', 'string'], result: 'string' }, (pattern, text) => {
      const [found] = compile(pattern).findAll(text, 1);
      return found === undefined ? '' : text.slice(found.start, found.end);
    }),
  ),
  ...forms('egexFindAll', (name, compile) =>
    defineFunction(name, { params: counted, result: '[]string' }, (pattern, text, count) => {
      const found = compile(pattern).findAll(text, numberOf(count));
      return texts(found.map(({ start, end }) => text.slice(start, end)));
    }),
  ),
  ...forms('egexReplaceAll', (name, compile) =>
    defineFunction(name, { params: three, result: 'string' }, (pattern, text, replacement) =>
      compile(pattern).replaceAll(text, replacement),
    ),
  ),
  ...forms('egexReplaceAllLiteral', (name, compile) =>
    defineFunction(name, { params: three, result: 'string' }, (pattern, text, replacement) =>
      compile(pattern).replaceAll(text, replacement.replaceAll('$', '$$$$')),
    ),
  ),
  ...forms('egexSplit', (name, compile) =>
    defineFunction(name, { params: counted, result: '[]string' }, (pattern, text, count) =>
      texts(split(compile(pattern), pattern, text, numberOf(count))),
    ),
  ),
  defineFunction('regexQuoteMeta', { params: ['string'], result: 'string' }, quoteGoPattern),
];

function forms(tail: string, declare: (name: string, compile: Compile) => GoFunction): readonly GoFunction[] {
  return [declare(`r${tail}`, mustCompile), declare(`mustR${tail}`, compileGoRegexp)];
}

function mustCompile(pattern: string): GoRegexp {
  try {
    return compileGoRegexp(pattern);
  } catch (error) {
    const shown = canBackquote(pattern) ? `\`${pattern}\`` : quote(pattern);
    throw new Error(`regexp: Compile(${shown}): ${(error as Error).message}`, { cause: error });
  }
}

function texts(items: readonly string[]): Slice {
  return new Slice(stringSliceType, items, items.length === 0);
}

// Go's Split: an empty match at the start cuts nothing off.
function split(regexp: GoRegexp, pattern: string, text: string, count: number): readonly string[] {
  if (count === 0) return [];
  if (pattern !== '' && text === '') return [''];
  const parts: string[] = [];
  let from = 0;
  let end = 0;
  for (const match of regexp.findAll(text, count)) {
    if (count > 0 && parts.length === count - 1) break;
    end = match.start;
    if (match.end !== 0) parts.push(text.slice(from, end));
    from = match.end;
  }
  if (end !== text.length) parts.push(text.slice(from));
  return parts;
}
