import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseHcl } from './hcl.ts';
import { plainTree, SyntaxProblem } from './tree.ts';

const oracle = createRequire(import.meta.url)('hcl-parser') as { parse(text: string): [unknown, unknown] };

const values: readonly { name: string; text: string; want: unknown }[] = [
  { name: 'empty', text: '', want: {} },
  {
    name: 'assignments',
    text: 'a = 1\nb = "x"\nc = true\nd = -1.5e3\ne = 0x10',
    want: { a: 1, b: 'x', c: true, d: -1500, e: 16 },
  },
  {
    name: 'digits after a zero are octal',
    text: 'a = 010\nb = 0\nc = 089\nd = 0.5',
    want: { a: 8, b: 0, c: 89, d: 0.5 },
  },
  { name: 'quoted keys', text: '"a b" = 1', want: { 'a b': 1 } },
  { name: 'comments', text: '# one\n// two\na = 1 /* three\n four */ b = 2', want: { a: 1, b: 2 } },
  { name: 'blocks', text: 'ports { dns = 53 http = 80 }', want: { ports: { dns: 53, http: 80 } } },
  { name: 'labels', text: 'service "web" "x" { port = 1 }', want: { service: { web: { x: { port: 1 } } } } },
  {
    name: 'repeated blocks',
    text: 'check { a = 1 }\ncheck { a = 2 }',
    want: { check: [{ a: 1 }, { a: 2 }] },
  },
  { name: 'lists with a trailing comma', text: 'a = ["x", "y",]', want: { a: ['x', 'y'] } },
  { name: 'objects in lists', text: 'a = [{ b = 1 }, { b = 2 }]', want: { a: [{ b: 1 }, { b: 2 }] } },
  { name: 'commas in objects', text: 'a = { b = 1, c = 2 }', want: { a: { b: 1, c: 2 } } },
  { name: 'escapes', text: 'a = "q\\" n\\n u\\u00e9 b\\\\"', want: { a: 'q" n\n ué b\\' } },
  { name: 'interpolations are kept', text: 'a = "${foo("x")}y"', want: { a: '${foo("x")}y' } },
  { name: 'heredoc', text: 'a = <<EOF\n one\n two\nEOF\nb = 1', want: { a: ' one\n two\n', b: 1 } },
  { name: 'indented heredoc', text: 'a = <<-EOF\n    one\n      two\n  EOF\n', want: { a: 'one\n  two\n' } },
  { name: 'words with dots and dashes', text: 'a.b-c = 1', want: { 'a.b-c': 1 } },
];

for (const { name, text, want } of values) {
  test(`HCL is read: ${name}`, () => assert.deepEqual(plainTree(parseHcl(text)), want));
}

const mistakes: readonly { text: string; line: number; column: number; message: RegExp }[] = [
  { text: 'a = ', line: 1, column: 5, message: /expected a value, found the end of the file/ },
  { text: 'a {\n b = 1\n', line: 3, column: 1, message: /not closed: add }/ },
  { text: 'a = "x\n', line: 1, column: 5, message: /string is not closed/ },
  { text: 'a = [1 2]', line: 1, column: 8, message: /expected , or ]/ },
  { text: 'a = yes', line: 1, column: 5, message: /unknown value yes: put it in quotes/ },
  { text: '\n\n  = 1', line: 3, column: 3, message: /expected a key, found =/ },
  { text: 'a = "\\q"', line: 1, column: 6, message: /unknown escape \\q/ },
  { text: 'a = <<EOF\nx\n', line: 1, column: 5, message: /add a line EOF/ },
  { text: '/* x', line: 1, column: 1, message: /comment is not closed/ },
  { text: `a = ${'['.repeat(5000)}`, line: 1, column: 205, message: /nested deeper/ },
];

for (const { text, line, column, message } of mistakes) {
  test(`a mistake in HCL is named with its place: ${JSON.stringify(text.slice(0, 20))}`, () => {
    assert.throws(
      () => parseHcl(text),
      (error: unknown) => {
        assert.ok(error instanceof SyntaxProblem);
        assert.match(error.message, message);
        assert.deepEqual(error.at, { line, column });
        return true;
      },
    );
  });
}

test('simple files read as the oracle reads them', () => {
  for (const text of ['a = 1\nb = "x"\n', 'a = ["x", "y"]\n', 'a = { b = "c" }\n']) {
    const [want, problem] = oracle.parse(text);
    assert.equal(problem, null);
    assert.deepEqual(flat(plainTree(parseHcl(text))), flat(want), text);
  }
});

test('any text is read or refused with a place', () => {
  const piece = fc.constantFrom(
    'a',
    '=',
    '{',
    '}',
    '[',
    ']',
    ',',
    '"',
    '\\',
    '\n',
    ' ',
    '<<E',
    'E',
    '#',
    '/*',
    '*/',
    '1',
    '-',
    '${',
    '.',
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        parseHcl(pieces.join(''));
      } catch (error) {
        assert.ok(error instanceof SyntaxProblem, String(error));
        assert.ok(error.at.line >= 1);
      }
    }),
    { numRuns: 2000 },
  );
});

// The oracle wraps objects in lists of one.
function flat(value: unknown): unknown {
  if (Array.isArray(value)) {
    return value.length === 1 && typeof value[0] === 'object' ? flat(value[0]) : value.map(flat);
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, flat(inner)]));
}
