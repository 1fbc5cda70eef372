/** Functions that name keys: key, keyExists, keyOrDefault, ls, tree, safeLs, safeTree. */
import { defineFunction, pointerSliceType } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import type { Slice } from '../../template/values.ts';
import { keyDependency, prefixDependency } from '../dependency.ts';
import type { KeyPair } from '../source.ts';
import type { FunctionContext } from './context.ts';
import { keyPair, pointers } from './structs.ts';

export function kvFunctions(context: FunctionContext): readonly GoFunction[] {
  return [
    defineFunction('key', { params: ['string'], result: 'string' }, (path) => {
      if (path === '') return '';
      return context.ask('key', keyDependency(path, { blocking: true })) ?? '';
    }),
    defineFunction('keyExists', { params: ['string'], result: 'bool' }, (path) => {
      if (path === '') return false;
      const answer = context.ask('key', keyDependency(path, { blocking: false }));
      return answer !== undefined && answer !== null;
    }),
    defineFunction('keyOrDefault', { params: ['string', 'string'], result: 'string' }, (path, fallback) => {
      if (path === '') return fallback;
      const answer = context.ask('key', keyDependency(path, { blocking: false }));
      // An empty value counts as none.
      return answer === undefined || answer === null || answer === '' ? fallback : answer;
    }),
    listFunction(context, 'ls', { keep: isDirect, waitForSome: false }),
    listFunction(context, 'tree', { keep: isLeaf, waitForSome: false }),
    listFunction(context, 'safeLs', { keep: isDirect, waitForSome: true }),
    listFunction(context, 'safeTree', { keep: isLeaf, waitForSome: true }),
  ];
}

interface ListRule {
  readonly keep: (pair: KeyPair) => boolean;
  readonly waitForSome: boolean;
}

function listFunction(context: FunctionContext, name: string, rule: ListRule): GoFunction {
  return defineFunction(name, { params: ['string'], result: pointerSliceType(keyPair) }, (prefix): Slice => {
    if (prefix === '') return pointers(keyPair, []);
    const dependency = prefixDependency(prefix);
    const pairs = context.ask('prefix', dependency)?.filter(rule.keep) ?? [];
    if (rule.waitForSome && pairs.length === 0) context.markMissing(dependency);
    return pointers(keyPair, pairs);
  });
}

function isDirect(pair: KeyPair): boolean {
  return pair.key !== '' && !pair.key.includes('/');
}

function isLeaf(pair: KeyPair): boolean {
  return pair.key !== '' && !pair.key.endsWith('/');
}
