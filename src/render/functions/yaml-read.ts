/**
 * YAML as Go's yaml.v2 reads it into an `interface {}`: the first document, every map with keys of any type, scalars by
 * YAML 1.1's rules, timestamps left as text, later entries over earlier ones, merge keys where they stand.
 */
import type { Document, Node, Pair, YAMLMap } from 'yaml';
import { yamlLibrary } from '../../lib/yaml-library.ts';
import { sprintf } from '../../template/printf.ts';
import { anyKeyMapType } from '../../template/types.ts';
import { GoMap, Slice, anySlice, float, integerOf } from '../../template/values.ts';
import { fromBytes } from '../../template/text.ts';
import type { Int, Value } from '../../template/values.ts';
import { escapeProblem, isBehindDocument, overlookedProblem, yamlProblemText } from './yaml-errors.ts';
import { resolveYaml } from './yaml-resolve.ts';

/** Throws an error with yaml.v2's prefix `yaml: `. */
export function readYaml(text: string): Value {
  const overlooked = overlookedProblem(text);
  if (overlooked !== undefined) throw new Error(`yaml: ${overlooked}`);
  const { document, source } = firstDocument(withLineFeeds(text));
  if (document === undefined) return null;
  const problems = document.errors.filter((error) => !isBehindDocument(error, source));
  if (problems.length > 0) throw new Error(`yaml: ${yamlProblemText(problems, source)}`);
  return document.contents === null ? null : new Reader(document, source).read(document.contents);
}

interface Source {
  readonly document: Document.Parsed | undefined;
  readonly source: string;
}

// A carriage return alone breaks a line in YAML 1.1.
function withLineFeeds(text: string): string {
  return text.replace(/\r(?!\n)/g, '\n');
}

const mostIndents = 200;
const mostReread = 2_000_000;

/** libyaml does not mind how little what has brackets or quotes is indented: here it is, until the parser takes it. */
function firstDocument(text: string): Source {
  const written = parseFirst(text);
  let indented = written;
  const limit = Math.min(mostIndents, mostReread / text.length);
  for (let tries = 0; tries < limit; tries++) {
    const at = shallowLine(indented.document);
    if (at === undefined) break;
    const start = indented.source.lastIndexOf('\n', at) + 1;
    indented = parseFirst(`${indented.source.slice(0, start)}        ${indented.source.slice(start)}`);
  }
  // What is wrong elsewhere is told of the text as it was written.
  return indented.document?.errors.length === 0 ? indented : written;
}

function parseFirst(source: string): Source {
  const documents = yamlLibrary().parseAllDocuments(source, {
    version: '1.1',
    schema: 'failsafe',
    uniqueKeys: false,
    strict: false,
    merge: false,
    prettyErrors: false,
    logLevel: 'silent',
  }) as readonly Document.Parsed[];
  return { document: documents[0], source };
}

function shallowLine(document: Document.Parsed | undefined): number | undefined {
  return document?.errors.find(({ message }) => isShallow.test(message))?.pos[0];
}

const isShallow = /must be sufficiently indented|^Missing closing .quote/;

/** More values out of aliases than this is an attack. */
const aliasLimit = 400_000;

class Reader {
  readonly #yaml = yamlLibrary();
  readonly #document: Document.Parsed;
  readonly #source: string;
  /** Where the text ends, when it does in the middle of a line. */
  readonly #end: number | undefined;
  readonly #open = new Set<Node>();
  #inAlias = 0;
  #copied = 0;

  constructor(document: Document.Parsed, text: string) {
    this.#document = document;
    this.#source = text;
    this.#end = text.endsWith('\n') ? undefined : text.length;
  }

  read(node: unknown): Value {
    if (this.#inAlias > 0 && ++this.#copied > aliasLimit) {
      throw new Error('yaml: document contains excessive aliasing');
    }
    if (this.#yaml.isAlias(node)) return this.#alias(node, (target) => this.read(target));
    if (this.#yaml.isSeq(node)) return anySlice(node.items.map((item) => this.read(item)));
    if (this.#yaml.isMap(node)) {
      const map = new GoMap(anyKeyMapType);
      this.#fill(map, node);
      return map;
    }
    return this.#yaml.isScalar(node) ? this.#scalar(node as ScalarNode) : null;
  }

  #alias<T>(node: { readonly source: string } & Node, use: (target: Node) => T): T {
    const target = (node as { resolve(document: Document.Parsed): Node | undefined }).resolve(this.#document);
    if (target === undefined) throw new Error(`yaml: unknown anchor '${node.source}' referenced`);
    if (this.#open.has(target)) throw new Error(`yaml: anchor '${node.source}' value contains itself`);
    this.#open.add(target);
    this.#inAlias++;
    const value = use(target);
    this.#inAlias--;
    this.#open.delete(target);
    return value;
  }

  #fill(map: GoMap, node: YAMLMap): void {
    for (const pair of node.items as readonly Pair[]) {
      if (isMergeKey(pair.key)) {
        this.#merge(map, pair.value);
        continue;
      }
      const key = this.read(pair.key);
      if (key instanceof GoMap || key instanceof Slice) {
        throw new Error(`yaml: invalid map key: ${sprintf('%#v', [key])}`);
      }
      map.set(key, this.read(pair.value));
    }
  }

  #merge(map: GoMap, value: unknown): void {
    if (this.#yaml.isMap(value)) return this.#fill(map, value);
    if (this.#yaml.isAlias(value)) {
      return this.#alias(value, (target) => {
        if (!this.#yaml.isMap(target)) throw new Error(notMergeable);
        this.#fill(map, target);
      });
    }
    if (!this.#yaml.isSeq(value)) throw new Error(notMergeable);
    // Of several maps the first has the last word.
    for (const item of [...value.items].reverse()) this.#merge(map, item);
  }

  // The last line of a block has the line break that is written, none that is meant.
  #textOf({ value, type = '', range }: ScalarNode): string {
    const text = String(value ?? '');
    const isCut = type.startsWith('BLOCK') && this.#end !== undefined && (range?.[1] ?? 0) >= this.#end;
    return isCut ? text.replace(/\n$/, '') : text;
  }

  #scalar(node: ScalarNode): Value {
    const text = this.#textOf(node);
    const tag = node.tag?.replace(/^tag:yaml\.org,2002:/, '!!');
    const isPlain = node.type === 'PLAIN' || node.type === undefined;
    if (node.type === 'QUOTE_DOUBLE') {
      const [from = 0, to = 0] = node.range ?? [];
      const problem = escapeProblem(this.#source, [from, to]);
      if (problem !== undefined) throw new Error(`yaml: ${problem}`);
    }
    if (tag === undefined || tag === '!')
      return isPlain && tag === undefined ? resolveYaml(text).value : text;
    return tagged(tag, text);
  }
}

interface ScalarNode {
  readonly value: unknown;
  readonly type?: string | undefined;
  readonly tag?: string | undefined;
  readonly range?: readonly number[] | null | undefined;
}

const notMergeable = 'yaml: map merge requires map or sequence of maps as the value';

function isMergeKey(key: unknown): boolean {
  if (!yamlLibrary().isScalar(key) || key.value !== '<<') return false;
  return (key.type === 'PLAIN' && key.tag === undefined) || key.tag === 'tag:yaml.org,2002:merge';
}

function tagged(tag: string, text: string): Value {
  if (tag === '!!binary') return decodeBinary(text);
  if (tag === '!!str' || !['!!bool', '!!int', '!!float', '!!null', '!!timestamp'].includes(tag)) return text;
  const { tag: found, value } = resolveYaml(text);
  if (tag === `!!${found}`) return value;
  const whole = integerOf(value);
  if (
    tag === '!!float' &&
    whole !== undefined &&
    (typeof value === 'number' || (value as Int).kind === 'int')
  ) {
    return float(Number(whole));
  }
  throw new Error(`yaml: cannot decode !!${found} \`${text}\` as a ${tag}`);
}

function decodeBinary(text: string): Value {
  const clean = text.replace(/[\r\n]/g, '');
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(clean)) {
    throw new Error('yaml: !!binary value contains invalid base64 data');
  }
  return fromBytes(Buffer.from(clean, 'base64'));
}
