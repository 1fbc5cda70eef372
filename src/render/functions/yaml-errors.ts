/**
 * What libyaml says about a document that the YAML parser here refuses: the same mistakes in the other's words, as far as
 * they are told apart.
 */

export interface YamlProblem {
  readonly code: string;
  readonly message: string;
  readonly pos: readonly [number, number];
}

/** libyaml's scanner counts lines from 1, its parser from 0; neither names the first line. */
type Finder = 'scanner' | 'parser';

interface Verdict {
  readonly text: string;
  readonly by: Finder;
  /** Offset of what is in the way; the document's length stands for its end. */
  readonly at: number;
}

/** Of the problems of one document, the first; with the line, without the prefix `yaml: `. */
export function yamlProblemText(problems: readonly YamlProblem[], text: string): string {
  const [first] = problems as readonly [YamlProblem, ...YamlProblem[]];
  const { text: words, by, at } = verdict(first, problems[1], text);
  const whole = ended(text);
  // Nothing but white space left means the end, which is on a line of its own.
  const place = by === 'parser' && at >= text.trimEnd().length ? whole.length : at;
  const lines = whole.slice(0, place).split('\n').length - 1;
  const line = by === 'scanner' && lines > 0 ? lines + 1 : lines;
  return line === 0 ? words : `line ${line}: ${words}`;
}

function ended(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

/** A bracket too many behind a complete document in flow style: libyaml has stopped reading by then. */
export function isBehindDocument({ code, message }: YamlProblem, text: string): boolean {
  return code === 'UNEXPECTED_TOKEN' && /flow-(?:seq|map)-end/.test(message) && /^\s*[[{]/.test(text);
}

const simple: Readonly<Record<string, string>> = {
  BAD_SCALAR_START: 'found character that cannot start any token',
  TAB_AS_INDENT: 'found character that cannot start any token',
  BAD_DQ_ESCAPE: 'found unknown escape character',
  TAG_RESOLVE_FAILED: "did not find the expected '>'",
  BAD_ALIAS: 'did not find expected alphabetic or numeric character',
};

function verdict(problem: YamlProblem, next: YamlProblem | undefined, text: string): Verdict {
  const { code, message, pos } = problem;
  const [at, end] = pos;
  const words = simple[code];
  if (code === 'BAD_SCALAR_START' && text[at] === ',') {
    return { text: 'did not find expected node content', by: 'parser', at };
  }
  if (code === 'BAD_DQ_ESCAPE' && /^\\[xuU]/.test(text.slice(at))) {
    return { text: 'did not find expected hexdecimal number', by: 'scanner', at };
  }
  if (words !== undefined) return { text: words, by: 'scanner', at };
  if (message.startsWith('Unexpected , in flow')) {
    return { text: 'did not find expected node content', by: 'parser', at };
  }
  if (code === 'BLOCK_IN_FLOW' || message.startsWith('Missing , ')) {
    return { text: `did not find expected ',' or '${openBracket(text, at)}'`, by: 'parser', at };
  }
  if (/^Block scalar header .*[|>][+-]?0/.test(message)) {
    return { text: 'found an indentation indicator equal to 0', by: 'scanner', at };
  }
  if (message.startsWith('Missing closing')) {
    return { text: 'found unexpected end of stream', by: 'scanner', at: text.length };
  }
  if (message.startsWith('Flow')) return openFlow(message.includes('map') ? '}' : ']', at, text);
  if (message.includes('block-seq-ind')) {
    return { text: 'block sequence entries are not allowed in this context', by: 'scanner', at };
  }
  if (code === 'MULTILINE_IMPLICIT_KEY' && next?.message.includes('block-seq-ind') === true) {
    return { text: 'did not find expected key', by: 'parser', at };
  }
  if (code === 'BLOCK_AS_IMPLICIT_KEY' || code === 'MULTILINE_IMPLICIT_KEY') {
    return { text: 'mapping values are not allowed in this context', by: 'scanner', at: nextColon(text, at) };
  }
  if (message.startsWith('Implicit map keys')) return missingColon(text, at, end);
  if (message.startsWith('Not a YAML token') || message.startsWith('Block scalar header')) {
    return { text: 'did not find expected comment or line break', by: 'scanner', at };
  }
  return { text: misplaced(message, at, text), by: 'parser', at };
}

/** What would close the innermost flow collection that is open at a place. */
function openBracket(text: string, at: number): string {
  let closed = 0;
  for (let i = at - 1; i >= 0; i--) {
    if (/[\]}]/.test(text[i]!)) closed++;
    else if (/[[{]/.test(text[i]!) && closed-- === 0) return text[i] === '{' ? '}' : ']';
  }
  return '}';
}

function openFlow(bracket: string, at: number, text: string): Verdict {
  const before = text.slice(0, at + 1).trimEnd();
  const atEnd = at + 1 >= text.length || /[,[{]$/.test(text.slice(0, at).trimEnd());
  const wantsContent = /[,[{]$/.test(atEnd ? text.trimEnd() : before);
  return {
    text: wantsContent ? 'did not find expected node content' : `did not find expected ',' or '${bracket}'`,
    by: 'parser',
    at: atEnd ? text.length : at,
  };
}

function nextColon(text: string, from: number): number {
  const found = text.slice(from + 1).search(/:(?:\s|$)/);
  return found < 0 ? from : from + 1 + found;
}

// A plain word that turns out to be no key is noticed on the line after it.
function missingColon(text: string, at: number, end: number): Verdict {
  if (/["']/.test(text[at] ?? '')) return { text: 'did not find expected key', by: 'parser', at };
  const newline = text.indexOf('\n', end - 1);
  return {
    text: "could not find expected ':'",
    by: 'scanner',
    at: newline < 0 ? ended(text).length : newline + 1,
  };
}

function misplaced(message: string, at: number, text: string): string {
  const before = text.slice(0, at).trimEnd();
  if (/flow-(?:seq|map)-end/.test(message) && /(?:^|[:-])$/.test(before)) {
    return 'did not find expected node content';
  }
  return isInSequence(at, text) ? "did not find expected '-' indicator" : 'did not find expected key';
}

/** Whether the innermost block collection that a place's column can belong to is a sequence. */
function isInSequence(at: number, text: string): boolean {
  const start = text.lastIndexOf('\n', at - 1) + 1;
  // The place may be the beginning of the line.
  const column = Math.max(at - start, text.slice(start).search(/[^ ]/));
  const lines = text.slice(0, start).split('\n').slice(0, -1);
  for (const line of lines.reverse()) {
    const indent = line.search(/[^ ]/);
    if (indent < 0 || line[indent] === '#' || indent > column) continue;
    // `- - a: 1` opens three, each further in.
    const [dashes = ''] = /^(?:- +)*(?:-$)?/.exec(line.slice(indent)) ?? [];
    return dashes !== '' && column < indent + dashes.length;
  }
  return false;
}

// What libyaml's reader takes: no control characters but tab, line breaks and NEL, no byte order mark within.
const refused =
  /(?!^)\ufeff|[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\udc80-\udcff\ue000-\ufffd\u{10000}-\u{10ffff}]/u;
const unknownDirective = /^(?:[ \t]*(?:#.*)?\n)*%(?!YAML\b|TAG\b)/;

/** Mistakes that the YAML parser here lets pass; undefined: none. Without the prefix `yaml: `. */
export function overlookedProblem(text: string): string | undefined {
  if (refused.test(text)) return 'control characters are not allowed';
  const directive = unknownDirective.exec(text)?.[0];
  if (directive === undefined) return undefined;
  const hasName = /^[\w-]/.test(text.slice(directive.length));
  const words = hasName ? 'found unknown directive name' : 'could not find expected directive name';
  return scannedLine(directive, directive.length) + words;
}

/** An escape of half a character in a scalar with double quotes, or of a slash: YAML 1.1 has neither. */
export function escapeProblem(text: string, [from, to]: readonly [number, number]): string | undefined {
  const escape = /^(?:[^\\]|\\[^u/])*?\\(?:u[dD][89a-fA-F]|\/)/.exec(text.slice(from, to));
  if (escape === null) return undefined;
  const words = escape[0].endsWith('/')
    ? 'found unknown escape character'
    : 'found invalid Unicode character escape code';
  return scannedLine(text, from + escape[0].length) + words;
}

function scannedLine(text: string, at: number): string {
  const lines = text.slice(0, at).split('\n').length - 1;
  return lines === 0 ? '' : `line ${lines + 1}: `;
}
