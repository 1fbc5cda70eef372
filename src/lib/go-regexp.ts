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

export interface GoRegexp {
  /** Whether the pattern matches anywhere in the text. */
  test(text: string): boolean;
  /** Replaces each match; `$1`, `$name`, `${name}` and `$$` are expanded, the longest name wins (`$1x` is group "1x"). */
  replaceAll(text: string, template: string): string;
}

/** Throws GoRegexpError. */
export function compileGoRegexp(pattern: string): GoRegexp {
  const compiled = compile(pattern);
  return {
    test: (text) => compiled.test(text),
    replaceAll: (text, template) => replaceAll(compiled, text, template),
  };
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
