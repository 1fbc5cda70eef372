/** Rules about which functions a template calls. */
import { builtins, specialForms } from '../../template/builtins.ts';
import { nearestWord } from '../../lib/suggest.ts';
import type { FunctionContext } from '../functions/context.ts';
import { globPattern, templateFunctions } from '../functions/functions.ts';
import { unsupportedFunctions } from '../functions/unsupported.ts';
import type { Rule } from './lint.ts';
import { literal } from './subject.ts';

/** Names that may be called. Making the table asks nothing of a context; calling a function does. */
const known: ReadonlySet<string> = new Set([
  ...templateFunctions({} as FunctionContext).keys(),
  ...builtins.keys(),
  ...specialForms,
]);

/** sprig's functions by the names that they have elsewhere. */
const unprefixed: ReadonlyMap<string, string> = new Map(
  [...known].filter((name) => name.startsWith('sprig_')).map((name) => [name.slice('sprig_'.length), name]),
);

/** Old names of sprig's that go on working. */
const replaced: ReadonlyMap<string, string> = new Map([
  ['sprig_tuple', 'sprig_list'],
  ['sprig_trimall', 'sprig_trimAll'],
  ['sprig_must_date_modify', 'sprig_mustDateModify'],
  ['sprig_push', 'sprig_append'],
]);

export const unknownFunction: Rule = {
  name: 'unknown-function',
  severity: 'error',
  find: ({ calls }) =>
    calls
      .filter(({ name }) => !known.has(name) && !unsupportedFunctions.has(name))
      .map(({ name, position }) => ({
        position,
        message: `there is no function ${name}${suggestion(name)}`,
      })),
};

function suggestion(name: string): string {
  const own = unprefixed.get(name) ?? nearestWord(name, known);
  const near = own ?? unprefixed.get(nearestWord(name, unprefixed.keys()) ?? '');
  return near === undefined ? '' : `: did you mean ${near}?`;
}

export const refusedFunction: Rule = {
  name: 'refused-function',
  severity: 'error',
  find: ({ calls }) =>
    calls.flatMap(({ name, position }) => {
      const server = unsupportedFunctions.get(name);
      return server === undefined
        ? []
        : [{ position, message: `${name} needs ${server}, which Portolan does not talk to` }];
    }),
};

export const deniedFunction: Rule = {
  name: 'denied-function',
  severity: 'error',
  find: ({ calls, functionDenylist }) => {
    const denied = functionDenylist.map((glob) => ({ glob, pattern: globPattern(glob) }));
    return calls.flatMap(({ name, position }) => {
      const by = denied.find(({ pattern }) => pattern.test(name));
      return by === undefined
        ? []
        : [{ position, message: `${name} is denied by ${by.glob} in function_denylist: the call will fail` }];
    });
  },
};

export const deprecatedFunction: Rule = {
  name: 'deprecated-function',
  severity: 'warning',
  find: ({ calls }) =>
    calls.flatMap(({ name, position }) => {
      const better = replaced.get(name);
      return better === undefined ? [] : [{ position, message: `${name} is an old name: use ${better}` }];
    }),
};

const unstable: ReadonlySet<string> = new Set([
  'timestamp',
  ...[
    'ago',
    'bcrypt',
    'encryptAES',
    'genCA',
    'genPrivateKey',
    'genSelfSignedCert',
    'htpasswd',
    'randInt',
    'shuffle',
  ].map((name) => `sprig_${name}`),
]);

export const unstableOutput: Rule = {
  name: 'unstable-output',
  severity: 'warning',
  find: ({ calls }) =>
    calls
      .filter(({ name }) => unstable.has(name))
      .map(({ name, position }) => ({
        position,
        message: `${name} gives another text each time: every change of any data rewrites the file and runs the command`,
      })),
};

export const debugFunction: Rule = {
  name: 'debug-function',
  severity: 'warning',
  find: ({ calls }) =>
    calls
      .filter(({ name }) => name === 'spew_dump' || name === 'spew_printf')
      .map(({ name, position }) => ({
        position,
        message: `${name} writes to the program's own output at each evaluation`,
      })),
};

/** `file` is checked when it is called; a literal can be checked now. */
export const outsideSandbox: Rule = {
  name: 'outside-sandbox',
  severity: 'error',
  find: ({ calls, sandboxPath }) => {
    if (sandboxPath === '') return [];
    const root = sandboxPath.endsWith('/') ? sandboxPath : `${sandboxPath}/`;
    return calls.flatMap((call) => {
      const path = call.name === 'file' ? literal(call) : undefined;
      if (path === undefined || path === '') return [];
      const isInside = path.startsWith(root) && !path.split('/').includes('..');
      return isInside
        ? []
        : [{ position: call.position, message: `${path} is outside of the sandbox ${sandboxPath}` }];
    });
  },
};
