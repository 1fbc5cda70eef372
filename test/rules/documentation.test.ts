/** The pages and the program tell the same: keys, flags, endpoints, functions; examples are valid. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Decoder, type Fields } from '../../src/config/decode.ts';
import { agentFlags } from '../../src/config/flags.ts';
import { loadConfig } from '../../src/config/load.ts';
import { rootFields } from '../../src/config/schema.ts';
import { runnerFields, templateFields } from '../../src/config/template-schema.ts';
import { routes } from '../../src/http/routes.ts';
import { repoRoot } from '../../src/lib/repo-root.testkit.ts';
import { noPosition, type Tree } from '../../src/lib/tree.ts';
import type { FunctionContext } from '../../src/render/functions/context.ts';
import { templateFunctions } from '../../src/render/functions/functions.ts';

const page = (name: string): string => readFileSync(join(repoRoot(import.meta.url), name), 'utf8');
const configuration = page('docs/configuration.md') + page('docs/dns.md');
const compat = page('docs/compat.md');

/** The words inside backticks. */
function codeWords(text: string): ReadonlySet<string> {
  const spans = text.replace(/^```[^]*?^```/gm, '').match(/`[^`]+`/g) ?? [];
  return new Set(spans.flatMap((span) => span.match(/[\w*.-]+/g) ?? []));
}

const empty: Tree = { kind: 'list', items: [], at: noPosition };

/** Accepted and without effect: such keys are explained by the warning, not by a page. */
function isIgnored(decoder: Decoder<unknown>): boolean {
  const context = { ignored: new Map<string, never>() };
  try {
    decoder.decode([empty], 'x', context);
  } catch {
    return false;
  }
  return context.ignored.size > 0;
}

/** Keys with an effect, sections with their own. Those of services and checks are Consul's. */
function keysOf(fields: Fields): readonly string[] {
  return Object.entries(fields).flatMap(([name, decoder]) => {
    if (isIgnored(decoder)) return [];
    return decoder.fields === undefined ? [name] : [name, ...keysOf(decoder.fields)];
  });
}

function missing(keys: readonly string[], text: string): readonly string[] {
  const words = codeWords(text);
  return keys.filter((key) => !words.has(key));
}

/** Other spellings of keys that are documented, or parts of what is refused. */
const spellings = new Set(
  [
    'recursor advertise_addr_ipv4 start_join start_join_wan retry_join_wan bootstrap default_policy down_policy',
    'bool dev server bootstrap_expect retry_join function_blacklist contents',
  ].flatMap((line) => line.split(' ')),
);

test('every configuration key with an effect is in the pages', () => {
  const keys = [...keysOf(rootFields), ...keysOf(runnerFields), ...keysOf(templateFields)].filter(
    (key) => !spellings.has(key),
  );
  assert.ok(keys.length > 90, `only ${keys.length} keys were found: is the walk right?`);
  assert.deepEqual(missing(keys, configuration), []);
});

test('a key that no page names is found', () => {
  assert.deepEqual(missing(['data_dir', 'planted_key'], configuration), ['planted_key']);
});

test('every flag of the agent is in the page about configuration', () => {
  const words = codeWords(page('docs/configuration.md'));
  assert.deepEqual(
    agentFlags.map(({ name }) => `-${name}`).filter((flag) => !words.has(flag)),
    [],
  );
});

test('every endpoint is in the page about compatibility', () => {
  assert.ok(routes.length > 30);
  const paths = routes.map(({ path }) => path.replace(/(.)\/$/, '$1'));
  assert.deepEqual(
    paths.filter((path) => !new RegExp(`\`${path}(?:/[^\`]*)?\``).test(compat)),
    [],
  );
});

test('the functions of templates are those that the page about compatibility names', () => {
  const section = /<!-- functions -->([^]*)<!-- \/functions -->/.exec(compat)?.[1] ?? '';
  // Making the table asks nothing of the world; calling a function does.
  const functions = templateFunctions({} as FunctionContext);
  assert.deepEqual([...codeWords(section)].sort(), [...functions.keys()].sort());
});

test('examples of configuration are valid', () => {
  const examples = [...configuration.matchAll(/^```hcl\n([^]*?)^```/gm)].map(([, text]) => text ?? '');
  assert.ok(examples.length > 0);
  for (const example of examples) {
    const { warnings } = loadConfig({ snippets: [example], flags: { advertise: '127.0.0.1' }, env: {} });
    assert.deepEqual(warnings, [], example);
  }
});
