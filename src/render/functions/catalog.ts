/** Functions that name catalog queries: service, connect, services, node, nodes, datacenters. */
import { defineFunction, pointerSliceType } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { Struct, stringSlice } from '../../template/values.ts';
import type { Slice } from '../../template/values.ts';
import type { StructType } from '../../template/types.ts';
import {
  datacentersDependency,
  nodeDependency,
  nodesDependency,
  serviceDependency,
  servicesDependency,
} from '../dependency.ts';
import type { FunctionContext } from './context.ts';
import { catalogNode, catalogSnippet, healthService, node, pointers } from './structs.ts';

export function catalogFunctions(context: FunctionContext): readonly GoFunction[] {
  const wrap = pointerCache();
  return [
    ...(['service', 'connect'] as const).map((name) =>
      defineFunction(name, { params: ['...string'], result: pointerSliceType(healthService) }, (...words) => {
        if ((words[0] ?? '') === '') return pointers(healthService, []);
        return wrap(healthService, context.ask('service', serviceDependency(words.join('|'), name)));
      }),
    ),
    defineFunction(
      'services',
      { params: ['...string'], result: pointerSliceType(catalogSnippet) },
      (...words) => wrap(catalogSnippet, context.ask('services', servicesDependency(words.join('')))),
    ),
    defineFunction('nodes', { params: ['...string'], result: pointerSliceType(node) }, (...words) =>
      wrap(node, context.ask('nodes', nodesDependency(words.join('')))),
    ),
    defineFunction('datacenters', { params: ['...bool'], result: '[]string' }, (...flags) => {
      if (flags.length > 1) {
        throw new Error(`datacenters: wrong number of arguments, expected 0 or 1, but got ${flags.length}`);
      }
      const dependency = datacentersDependency(flags[0] ?? false);
      return stringSlice(context.ask('datacenters', dependency) ?? []);
    }),
    // No answer yet is nil (false); an unknown node is a CatalogNode without a Node (true).
    defineFunction('node', { params: ['...string'], result: 'any' }, (...words) => {
      const answer = context.ask('node', nodeDependency(words.join('')));
      return answer === undefined ? null : new Struct(catalogNode, answer ?? unknownNode);
    }),
  ];
}

const unknownNode = Object.freeze({ node: undefined, services: Object.freeze([]) });

// An answer that has not changed since the last evaluation is not wrapped again.
function pointerCache(): (type: StructType, answer: readonly object[] | undefined) => Slice {
  const wrapped = new WeakMap<readonly object[], Slice>();
  return (type, answer) => {
    if (answer === undefined) return pointers(type, []);
    const known = wrapped.get(answer);
    if (known !== undefined) return known;
    const slice = pointers(type, answer);
    wrapped.set(answer, slice);
    return slice;
  };
}
