/** Configuration files -> trees, by extension: .hcl, .json, .yaml, .yml, .toml. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { extname, join } from 'node:path';
import { parse as parseToml, TomlError } from 'smol-toml';
import type { Document, ParsedNode } from 'yaml';
import { fileProblem } from '../lib/file-problem.ts';
import { parseHcl } from '../lib/hcl.ts';
import {
  noPosition,
  type ObjectTree,
  type Position,
  SyntaxProblem,
  type Tree,
  withSource,
} from '../lib/tree.ts';
import { yamlLibrary } from '../lib/yaml-library.ts';
import { ConfigError } from './config-error.ts';

const formats = ['hcl', 'json', 'yaml', 'toml'] as const;
export type ConfigFormat = (typeof formats)[number];

/** A file, or the files of a directory in alphabetical order (other extensions are passed over there). */
export function readConfigPath(path: string, format?: ConfigFormat): readonly ObjectTree[] {
  let isDirectory: boolean;
  try {
    isDirectory = statSync(path).isDirectory();
  } catch (error) {
    throw new ConfigError('unreadable', `${path}: ${fileProblem(error)}`);
  }
  if (!isDirectory) return [readConfigFile(path, format)];
  return namesIn(path)
    .filter((name) => format !== undefined || formatOf(name) !== undefined)
    .map((name) => readConfigFile(join(path, name), format));
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    throw new ConfigError('unreadable', `${folder}: ${fileProblem(error)}`);
  }
}

function readConfigFile(path: string, format = formatOf(path)): ObjectTree {
  if (format === undefined) {
    const message = `${path}: unknown extension "${extname(path)}": use .hcl, .json, .yaml, .yml or .toml, or -config-format`;
    throw new ConfigError('unreadable', message);
  }
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigError('unreadable', `${path}: ${fileProblem(error)}`);
  }
  return parseConfigText(text, format, path);
}

/** `source` is what messages name. */
export function parseConfigText(text: string, format: ConfigFormat, source: string): ObjectTree {
  try {
    const tree = withSource(parsers[format](text), source);
    if (tree.kind !== 'object')
      throw new SyntaxProblem('expected keys and values at the top', { line: 1, column: 1 });
    return tree;
  } catch (error) {
    if (error instanceof SyntaxProblem)
      throw new ConfigError('syntax', error.message, { ...error.at, source });
    throw error;
  }
}

function formatOf(path: string): ConfigFormat | undefined {
  const extension = extname(path).slice(1);
  return extension === 'yml' ? 'yaml' : formats.find((format) => format === extension);
}

const parsers: Readonly<Record<ConfigFormat, (text: string) => Tree>> = {
  hcl: parseHcl,
  json: parseJson,
  yaml: (text) => parseYaml(text),
  toml: parseTomlText,
};

/** JSON.parse judges, the YAML reader (JSON is YAML) tells where everything stands. */
function parseJson(text: string): Tree {
  try {
    JSON.parse(text);
  } catch (error) {
    const message = (error as Error).message;
    const offset = Number(/position (\d+)/.exec(message)?.[1] ?? text.length);
    throw new SyntaxProblem(message.replace(/^JSON\.parse: /, ''), positionAt(text, offset));
  }
  return parseYaml(text);
}

function parseYaml(text: string): Tree {
  const { LineCounter, parseDocument } = yamlLibrary();
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: false, version: '1.2' });
  const place = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line, column: col };
  };
  const problem = document.errors[0];
  if (problem !== undefined)
    throw new SyntaxProblem(
      problem.message.split('\n')[0]!.replace(/ at line.*$/, ''),
      place(problem.pos[0]),
    );
  if (document.contents === null) return { kind: 'object', entries: [], at: { line: 1, column: 1 } };
  return yamlTree(document.contents, document, place);
}

function yamlTree(node: ParsedNode, document: Document.Parsed, place: (offset: number) => Position): Tree {
  const { isAlias, isMap, isScalar, isSeq } = yamlLibrary();
  const at = place(node.range[0]);
  if (isScalar(node)) {
    // As in YAML 1.1, and as whoever writes a file mode means it.
    const isOctal = typeof node.value === 'number' && /^0[0-7]+$/.test(node.source ?? '');
    return { kind: 'leaf', value: isOctal ? parseInt(node.source!, 8) : leafValue(node.value), at };
  }
  if (isSeq(node)) {
    return {
      kind: 'list',
      items: node.items.map((item) => yamlTree(item as ParsedNode, document, place)),
      at,
    };
  }
  if (isMap(node)) {
    const entries = node.items.map(({ key, value }) => {
      const keyNode = key as ParsedNode;
      const keyAt = place(keyNode.range[0]);
      const empty: Tree = { kind: 'leaf', value: null, at: keyAt };
      return {
        key: String(isScalar(keyNode) ? keyNode.value : keyNode),
        at: keyAt,
        value: value === null ? empty : yamlTree(value as ParsedNode, document, place),
      };
    });
    return { kind: 'object', entries, at };
  }
  const target = isAlias(node) ? node.resolve(document) : undefined;
  if (target === undefined) throw new SyntaxProblem('alias without an anchor', at);
  return yamlTree(target as ParsedNode, document, place);
}

function parseTomlText(text: string): Tree {
  try {
    return plainToTree(parseToml(text), text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    throw new SyntaxProblem(error.message.split('\n')[0]!, { line: error.line, column: error.column });
  }
}

/** The TOML reader keeps no places: a key's is where its name first stands as one. */
function plainToTree(value: unknown, text: string): Tree {
  if (Array.isArray(value))
    return { kind: 'list', items: value.map((item) => plainToTree(item, text)), at: noPosition };
  if (typeof value === 'object' && value !== null && !(value instanceof Date)) {
    const entries = Object.entries(value).map(([key, inner]) => {
      const at = keyPosition(text, key);
      return { key, at, value: placed(plainToTree(inner, text), at) };
    });
    return { kind: 'object', entries, at: noPosition };
  }
  return { kind: 'leaf', value: leafValue(value), at: noPosition };
}

function placed(tree: Tree, at: Position): Tree {
  return tree.at.line === 0 ? { ...tree, at } : tree;
}

function keyPosition(text: string, key: string): Position {
  const escaped = key.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
  const match = new RegExp(
    `^[ \\t]*\\[{0,2}[^\\n=#]*?(?<![\\w-])["']?(${escaped})["']?[ \\t]*(?:[.=\\]]|$)`,
    'm',
  ).exec(text);
  return match === null ? noPosition : positionAt(text, match.index + match[0].lastIndexOf(key));
}

function leafValue(value: unknown): string | number | boolean | null {
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return String(value);
}

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n');
  return { line: before.length, column: before.at(-1)!.length + 1 };
}
