/**
 * Go's regular expressions (RE2 syntax, linear time) over re2js, with Go's error texts and Go's replacement templates.
 * Source: Go regexp.Compile, Regexp.ReplaceAllString, Regexp.Expand.
 */
import { RE2JS } from 're2js';

/** The pattern does not compile; the message is Go's (``error parsing regexp: missing closing ): `(` ``). */
export class GoRegexpError extends Error {
  override readonly name = 'GoRegexpError';
  readonly code = 'bad-pattern';
}

export interface Match {
  readonly start: number;
  readonly end: number;
}

export interface GoRegexp {
  /** Whether the pattern matches anywhere in the text. */
  test(text: string): boolean;
  /** The matches from the left, as Go finds them: at most `limit`, all when that is negative. */
  findAll(text: string, limit: number): readonly Match[];
  /** Replaces each match; `$1`, `$name`, `${name}` and `$$` are expanded, the longest name wins (`$1x` is group "1x"). */
  replaceAll(text: string, template: string): string;
}

/** Throws GoRegexpError. */
export function compileGoRegexp(pattern: string): GoRegexp {
  const compiled = compile(pattern);
  return {
    test: (text) => compiled.test(text),
    findAll: (text, limit) => findAll(compiled, text, limit),
    replaceAll: (text, template) => replaceAll(compiled, text, template),
  };
}

/** A pattern that matches the text alone. Source: Go regexp.QuoteMeta. */
export function quoteGoPattern(text: string): string {
  return text.replace(/[\\.+*?()|[\]{}^$]/g, '\\$&');
}

function compile(pattern: string): RE2JS {
  try {
    return RE2JS.compile(pattern);
  } catch (error) {
    const { message } = error as Error;
    // Go always names the offending part, even an empty one.
    const text = message.endsWith('`') ? message : `${message}: \`\``;
    throw new GoRegexpError(text, { cause: error });
  }
}

// An empty match right after another match is none.
function findAll(compiled: RE2JS, text: string, limit: number): readonly Match[] {
  const matcher = compiled.matcher(text);
  const found: Match[] = [];
  let lastEnd = -1;
  let position = 0;
  while (position <= text.length && (limit < 0 || found.length < limit) && matcher.find(position)) {
    const start = matcher.start();
    const end = matcher.end();
    if (end > start || start !== lastEnd) found.push({ start, end });
    lastEnd = end;
    const step = (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
    position = end > start ? end : Math.max(end, start) + step;
  }
  return found;
}

function replaceAll(compiled: RE2JS, text: string, template: string): string {
  const parts = parseTemplate(template);
  const names = compiled.namedGroups();
  const matcher = compiled.matcher(text);
  let out = '';
  let lastEnd = 0;
  let position = 0;
  while (position <= text.length && matcher.find(position)) {
    const start = matcher.start();
    const end = matcher.end();
    out += text.slice(lastEnd, start);
    // An empty match right after another match is not replaced a second time.
    if (end > lastEnd || start === 0) {
      for (const part of parts) {
        out += typeof part === 'string' ? part : groupText(matcher, names, part.group);
      }
    }
    lastEnd = end;
    const step = (text.codePointAt(position) ?? 0) > 0xffff ? 2 : 1;
    position = Math.max(end, position + step);
  }
  return out + text.slice(lastEnd);
}

interface Groups {
  groupCount(): number;
  group(group: number): string | null;
}

function groupText(matcher: Groups, names: Readonly<Record<string, number>>, group: string): string {
  const index = /^\d{1,9}$/.test(group)
    ? Number(group)
    : Object.hasOwn(names, group)
      ? names[group]
      : undefined;
  if (index === undefined || index > matcher.groupCount()) return '';
  return matcher.group(index) ?? '';
}

type TemplatePart = string | { readonly group: string };

// A `$` that starts no reference stands for itself.
function parseTemplate(template: string): readonly TemplatePart[] {
  const parts: TemplatePart[] = [];
  let last = 0;
  for (const match of template.matchAll(/\$(?:(\$)|\{([\p{L}\p{Nd}_]+)\}|([\p{L}\p{Nd}_]+))/gu)) {
    parts.push(template.slice(last, match.index));
    parts.push(match[1] === undefined ? { group: match[2] ?? match[3] ?? '' } : '$');
    last = match.index + match[0].length;
  }
  parts.push(template.slice(last));
  return parts.filter((part) => part !== '');
}
