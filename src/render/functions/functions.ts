/** All functions of templates beyond the language's own: one line a family. */
import type { GoFunction } from '../../template/functions.ts';
import { defineFunction } from '../../template/functions.ts';
import { catalogFunctions } from './catalog.ts';
import type { FunctionContext } from './context.ts';
import { encodingFunctions } from './encoding.ts';
import { groupFunctions } from './groups.ts';
import { jsonFunctions } from './json.ts';
import { kvFunctions } from './kv.ts';
import { listFunctions } from './lists.ts';
import { localFunctions } from './local.ts';
import { markupFunctions } from './markup.ts';
import { mathFunctions } from './math.ts';
import { mergeFunctions } from './merge.ts';
import { meshFunctions } from './mesh.ts';
import { parseFunctions } from './parse.ts';
import { pluginFunctions } from './plugin.ts';
import { scratchFunctions } from './scratch.ts';
import { sockaddrFunctions } from './sockaddr/sockaddr.ts';
import { spewFunctions } from './spew.ts';
import { sprigFunctions } from './sprig/sprig.ts';
import { stringFunctions } from './strings.ts';
import { unsupportedFunctions } from './unsupported.ts';
import { writeFunctions } from './write-file.ts';

const families: readonly ((context: FunctionContext) => readonly GoFunction[])[] = [
  catalogFunctions,
  kvFunctions,
  localFunctions,
  meshFunctions,
  pluginFunctions,
  scratchFunctions,
  stringFunctions,
  writeFunctions,
  () => encodingFunctions,
  () => groupFunctions,
  () => jsonFunctions,
  () => listFunctions,
  () => markupFunctions,
  () => mathFunctions,
  () => mergeFunctions,
  () => parseFunctions,
  () => sockaddrFunctions,
  () => spewFunctions,
  (context) => sprigFunctions(() => context.now()),
];

/**
 * The functions of one template by name. Those that a pattern of `denylist` names (`*` stands for any text) are there and
 * refuse every call, so that an unused one does no harm.
 */
export function templateFunctions(
  context: FunctionContext,
  denylist: readonly string[] = [],
): ReadonlyMap<string, GoFunction> {
  const denied = denylist.map(globPattern);
  const table = new Map<string, GoFunction>();
  for (const family of families) {
    for (const definition of family(context)) {
      const refused = denied.some((pattern) => pattern.test(definition.name));
      table.set(definition.name, refused ? disabled(definition.name) : definition);
    }
  }
  for (const name of unsupportedFunctions.keys()) {
    if (denied.some((pattern) => pattern.test(name))) table.set(name, disabled(name));
  }
  return table;
}

/** `*` stands for any text. */
export function globPattern(glob: string): RegExp {
  const parts = glob.split('*').map((part) => part.replace(/[\\^$.|?+()[\]{}]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`, 's');
}

// It takes strings only: a number as an argument is refused before the call is, as in consul-template.
function disabled(name: string): GoFunction {
  return defineFunction(name, { params: ['...string'], result: 'string' }, () => {
    throw new Error('function is disabled');
  });
}
