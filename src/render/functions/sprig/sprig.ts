/**
 * The functions of sprig 3.3 that give the same for the same arguments ("hermetic"), and those that sprig counts among
 * them. In templates each is called `sprig_NAME`.
 */
import type { GoFunction } from '../../../template/functions.ts';
import { caseFunctions } from './cases.ts';
import { certificateFunctions } from './certificates.ts';
import { cryptoFunctions } from './crypto.ts';
import { dateFunctions } from './dates.ts';
import { defaultFunctions } from './defaults.ts';
import { dictFunctions } from './dicts.ts';
import { encodingFunctions } from './encoding.ts';
import { listFunctions } from './lists.ts';
import { mathFunctions } from './math.ts';
import { pathFunctions } from './paths.ts';
import { regexpFunctions } from './regexps.ts';
import { semverFunctions } from './semver.ts';
import { stringFunctions } from './strings.ts';
import { urlFunctions } from './urls.ts';

const families: readonly (readonly GoFunction[])[] = [
  caseFunctions,
  cryptoFunctions,
  defaultFunctions,
  dictFunctions,
  encodingFunctions,
  listFunctions,
  mathFunctions,
  pathFunctions,
  regexpFunctions,
  semverFunctions,
  stringFunctions,
  urlFunctions,
];

const timeless: readonly GoFunction[] = families.flat().map(prefixed);

/** `nowMs`: the wall clock. */
export function sprigFunctions(nowMs: () => number): readonly GoFunction[] {
  return [...timeless, ...[...dateFunctions(nowMs), ...certificateFunctions(nowMs)].map(prefixed)];
}

function prefixed(definition: GoFunction): GoFunction {
  return Object.freeze({ ...definition, name: `sprig_${definition.name}` });
}
