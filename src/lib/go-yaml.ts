/**
 * Writing YAML as Go's yaml.v2 does: block style, lists not indented below their key, quotes only where needed, lines
 * folded past column 80.
 * In: a tree of nodes whose scalars know whether they may stand plain. Out: text ending in a newline.
 * Source: gopkg.in/yaml.v2 2.4, which follows libyaml's emitter.
 */

export type YamlNode = YamlScalar | YamlMap | YamlList;

export interface YamlScalar {
  readonly kind: 'scalar';
  readonly text: string;
  /** `double`: the text would read as something else than a string. */
  readonly style: 'plain' | 'double';
  /** The text is base64 of bytes that are no UTF-8. */
  readonly binary?: boolean;
}

export interface YamlMap {
  readonly kind: 'map';
  readonly entries: readonly (readonly [YamlNode, YamlNode])[];
}

export interface YamlList {
  readonly kind: 'list';
  readonly items: readonly YamlNode[];
}

const indentWidth = 2;
const bestWidth = 80;
/** Bytes; a longer key is written behind a `?`. */
const longestSimpleKey = 128;

export function emitYaml(node: YamlNode): string {
  const emitter = new Emitter();
  emitter.node(node, 'root');
  return emitter.finish();
}

type Context = 'root' | 'list' | 'value' | 'simpleKey' | 'complexKey';

class Emitter {
  #out = '';
  #column = 0;
  #indent = -1;
  /** The last thing written was white space. */
  #whitespace = true;
  /** Nothing but indentation and its indicators stands on the line yet. */
  #indention = true;

  finish(): string {
    return this.#out.endsWith('\n') ? this.#out : `${this.#out}\n`;
  }

  node(node: YamlNode, context: Context): void {
    if (node.kind === 'scalar') this.#scalar(node, context === 'simpleKey');
    else if (node.kind === 'list') this.#list(node.items, context);
    else this.#map(node.entries);
  }

  #list(items: readonly YamlNode[], context: Context): void {
    if (items.length === 0) return this.#indicator('[]');
    const outer = this.#indent;
    const inMapping = context === 'value' || context === 'complexKey';
    // A list as a value starts below its key, not right of it.
    if (!(inMapping && !this.#indention && outer >= 0)) this.#deeper();
    for (const item of items) {
      this.#writeIndent();
      this.#indicator('-', { keepIndention: true });
      this.node(item, 'list');
    }
    this.#indent = outer;
  }

  #map(entries: readonly (readonly [YamlNode, YamlNode])[]): void {
    if (entries.length === 0) return this.#indicator('{}');
    const outer = this.#indent;
    this.#deeper();
    for (const [key, value] of entries) {
      this.#writeIndent();
      if (isSimpleKey(key)) {
        this.node(key, 'simpleKey');
        this.#indicator(':', { glued: true });
      } else {
        this.#indicator('?', { keepIndention: true });
        this.node(key, 'complexKey');
        this.#writeIndent();
        this.#indicator(':', { keepIndention: true });
      }
      this.node(value, 'value');
    }
    this.#indent = outer;
  }

  #deeper(): void {
    this.#indent = this.#indent < 0 ? 0 : this.#indent + indentWidth;
  }

  #scalar({ text, style, binary = false }: YamlScalar, isKey: boolean): void {
    if (binary) this.#indicator('!!binary');
    const outer = this.#indent;
    this.#indent = Math.max(outer, 0) + indentWidth;
    this.#text(text, chooseStyle(text, style, analyse(text), isKey), isKey);
    this.#indent = outer;
  }

  #text(text: string, style: Style, isKey: boolean): void {
    switch (style) {
      case 'plain':
        return this.#plain(text, !isKey);
      case 'single':
        return this.#single(text, !isKey);
      case 'double':
        return this.#double(text, !isKey);
      case 'literal':
        return this.#literal(text);
    }
  }

  #plain(text: string, mayFold: boolean): void {
    if (!this.#whitespace) this.#put(' ');
    if (text !== '') this.#folded(Array.from(text), mayFold, { edges: true, escape: (rune) => rune });
    this.#whitespace = false;
    this.#indention = false;
  }

  #single(text: string, mayFold: boolean): void {
    this.#indicator("'");
    const escape = (rune: string): string => (rune === "'" ? "''" : rune);
    this.#folded(Array.from(text), mayFold, { edges: false, escape });
    this.#indicator("'", { glued: true });
  }

  /** Runes with single spaces past the best width turned into line breaks; breaks of the text are doubled. */
  #folded(
    runes: readonly string[],
    mayFold: boolean,
    options: { readonly edges: boolean; readonly escape: (rune: string) => string },
  ): void {
    let spaces = false;
    let breaks = false;
    runes.forEach((rune, i) => {
      if (rune === ' ') {
        const inside = options.edges || (i > 0 && i < runes.length - 1);
        const folds = mayFold && !spaces && this.#column > bestWidth && inside && runes[i + 1] !== ' ';
        if (folds) this.#writeIndent();
        else this.#put(rune);
        spaces = true;
      } else if (isBreak(rune)) {
        if (!breaks && rune === '\n') this.#break('\n');
        this.#break(rune);
        this.#indention = true;
        breaks = true;
      } else {
        if (breaks) this.#writeIndent();
        this.#put(options.escape(rune));
        this.#indention = false;
        spaces = false;
        breaks = false;
      }
    });
  }

  #double(text: string, mayFold: boolean): void {
    this.#indicator('"');
    const runes = Array.from(text);
    // A text with a byte order mark in front is escaped whole.
    const escapesAll = text.startsWith('\ufeff');
    let spaces = false;
    runes.forEach((rune, i) => {
      if (escapesAll) {
        this.#put(escapeRune(rune));
        return;
      }
      if (rune !== ' ') {
        this.#put(needsEscape(rune) ? escapeRune(rune) : rune);
        spaces = false;
        return;
      }
      if (mayFold && !spaces && this.#column > bestWidth && i > 0 && i < runes.length - 1) {
        this.#writeIndent();
        if (runes[i + 1] === ' ') this.#put('\\');
      } else {
        this.#put(rune);
      }
      spaces = true;
    });
    this.#indicator('"', { glued: true });
  }

  #literal(text: string): void {
    const runes = Array.from(text);
    const hint = runes[0] === ' ' || isBreak(runes[0]!) ? String(indentWidth) : '';
    this.#indicator(`|${hint}${chomping(runes)}`);
    this.#break('\n');
    this.#indention = true;
    this.#whitespace = true;
    let breaks = true;
    for (const rune of runes) {
      if (isBreak(rune)) {
        this.#break(rune);
        this.#indention = true;
        breaks = true;
      } else {
        if (breaks) this.#writeIndent();
        this.#put(rune);
        this.#indention = false;
        breaks = false;
      }
    }
  }

  #indicator(
    text: string,
    options: { readonly glued?: boolean; readonly keepIndention?: boolean } = {},
  ): void {
    if (options.glued !== true && !this.#whitespace) this.#put(' ');
    this.#put(text);
    this.#whitespace = false;
    this.#indention = this.#indention && options.keepIndention === true;
  }

  #writeIndent(): void {
    const indent = Math.max(this.#indent, 0);
    if (!this.#indention || this.#column > indent || (this.#column === indent && !this.#whitespace)) {
      this.#break('\n');
    }
    if (this.#column < indent) this.#put(' '.repeat(indent - this.#column));
    this.#whitespace = true;
    this.#indention = true;
  }

  #put(text: string): void {
    this.#out += text;
    this.#column += text.length === 1 ? 1 : Array.from(text).length;
  }

  #break(rune: string): void {
    this.#out += rune;
    this.#column = 0;
  }
}

function isSimpleKey(node: YamlNode): boolean {
  if (node.kind === 'list') return node.items.length === 0;
  if (node.kind === 'map') return node.entries.length === 0;
  const tag = node.binary === true ? '!!binary'.length : 0;
  return !hasBreak.test(node.text) && Buffer.byteLength(node.text) + tag <= longestSimpleKey;
}

type Style = 'plain' | 'single' | 'double' | 'literal';

interface Traits {
  readonly plain: boolean;
  readonly single: boolean;
  readonly block: boolean;
}

const hasBreak = /[\n\r\u0085\u2028\u2029]/;

function isBreak(rune: string): boolean {
  return hasBreak.test(rune);
}

/** In which styles a text can stand. */
function analyse(text: string): Traits {
  if (text === '') return { plain: true, single: true, block: false };
  const multiline = hasBreak.test(text);
  const edgeSpace = /^[ \n\r\u0085\u2028\u2029]|[ \n\r\u0085\u2028\u2029]$/.test(text);
  const breakSpace = /[\n\r\u0085\u2028\u2029] /.test(text);
  const spaceBreak = / [\n\r\u0085\u2028\u2029]/.test(text);
  const special = Array.from(text).some((rune) => !isPrintable(rune));
  return {
    plain: !(multiline || edgeSpace || special || indicates(text)),
    single: !(breakSpace || spaceBreak || special),
    block: !(text.endsWith(' ') || spaceBreak || special),
  };
}

/** What a reader would take for syntax. */
function indicates(text: string): boolean {
  return /^(?:---|\.\.\.|[#,[\]{}&*!|>'"%@`]|[?:-](?:[ \t]|$))|:(?:[ \t]|$)|[ \t\n\r\u0085\u2028\u2029]#/.test(
    text,
  );
}

function chooseStyle(text: string, wanted: YamlScalar['style'], traits: Traits, isKey: boolean): Style {
  if (text.includes('\n')) return traits.block && !isKey ? 'literal' : 'double';
  if (wanted === 'double' || (isKey && hasBreak.test(text))) return 'double';
  if (traits.plain && !(text === '' && isKey)) return 'plain';
  return traits.single ? 'single' : 'double';
}

/** `-`: no break at the end; `+`: more than one, or nothing else. */
function chomping(runes: readonly string[]): string {
  if (!isBreak(runes.at(-1)!)) return '-';
  return runes.length === 1 || isBreak(runes.at(-2)!) ? '+' : '';
}

// libyaml knows no planes beyond the first.
const printable = /^[\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]$/;

function isPrintable(rune: string): boolean {
  return printable.test(rune);
}

function needsEscape(rune: string): boolean {
  return !isPrintable(rune) || isBreak(rune) || rune === '"' || rune === '\\';
}

const shortEscapes: Readonly<Record<string, string>> = {
  '\0': '0',
  '\x07': 'a',
  '\b': 'b',
  '\t': 't',
  '\n': 'n',
  '\v': 'v',
  '\f': 'f',
  '\r': 'r',
  '\x1b': 'e',
  '"': '"',
  '\\': '\\',
  '\x85': 'N',
  '\u2028': 'L',
  '\u2029': 'P',
};

function escapeRune(rune: string): string {
  const short = shortEscapes[rune];
  if (short !== undefined) return `\\${short}`;
  const hex = rune.codePointAt(0)!.toString(16).toUpperCase();
  if (hex.length <= 2) return `\\x${hex.padStart(2, '0')}`;
  return hex.length <= 4 ? `\\u${hex.padStart(4, '0')}` : `\\U${hex.padStart(8, '0')}`;
}
