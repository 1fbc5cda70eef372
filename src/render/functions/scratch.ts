/**
 * Functions on the evaluation itself: `executeTemplate`, and `scratch`, a pad of named values that lives for one evaluation
 * and is shared by all its definitions.
 */
import { defineFunction, defineStruct } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { quote } from '../../template/quote.ts';
import { anyMapType, anySliceType } from '../../template/types.ts';
import { GoMap, Slice, Struct, anySlice, goMap } from '../../template/values.ts';
import type { Value } from '../../template/values.ts';
import type { FunctionContext } from './context.ts';

type Pad = Map<string, Value>;

const scratch = defineStruct<Pad>({
  name: 'template.Scratch',
  fields: {},
  methods: {
    Key: { params: ['string'], result: 'bool', call: (pad, key: string) => pad.has(key) },
    Get: { params: ['string'], call: (pad, key: string) => pad.get(key) ?? null },
    Set: {
      params: ['string', 'any'],
      result: 'string',
      call: (pad, key: string, value: Value) => {
        pad.set(key, value);
        return '';
      },
    },
    SetX: {
      params: ['string', 'any'],
      result: 'string',
      call: (pad, key: string, value: Value) => {
        if (!pad.has(key)) pad.set(key, value);
        return '';
      },
    },
    MapSet: {
      params: ['string', 'string', 'any'],
      result: 'string',
      call: (pad, key: string, mapKey: string, value: Value) => {
        mapOf(pad, key).set(mapKey, value);
        return '';
      },
    },
    MapSetX: {
      params: ['string', 'string', 'any'],
      result: 'string',
      call: (pad, key: string, mapKey: string, value: Value) => {
        const map = mapOf(pad, key);
        if (!map.has(mapKey)) map.set(mapKey, value);
        return '';
      },
    },
    MapValues: {
      params: ['string'],
      result: '[]any',
      call: (pad, key: string) => {
        const map = pad.get(key);
        if (!isPlainMap(map)) return new Slice(anySliceType, [], true);
        return anySlice(map.sortedKeys().map((name) => map.get(name)));
      },
    },
  },
});

export function scratchFunctions(context: FunctionContext): readonly GoFunction[] {
  return [
    defineFunction(
      'scratch',
      { params: [], result: scratch.pointer },
      () => new Struct(scratch, context.scratch()),
    ),
    defineFunction('executeTemplate', { params: ['string', '...any'], result: 'string' }, (name, ...data) => {
      if (data.length > 1) {
        const given = data.length + 1;
        throw new Error(`executeTemplate: wrong number of arguments, expected 1 or 2, but got ${given}`);
      }
      return context.execute(name, data[0]);
    }),
  ];
}

function mapOf(pad: Pad, key: string): GoMap {
  if (!pad.has(key)) pad.set(key, goMap([]));
  const map = pad.get(key);
  if (!isPlainMap(map)) throw new Error(`${quote(key)} is not a map`);
  return map;
}

function isPlainMap(value: Value): value is GoMap {
  return value instanceof GoMap && value.type.name === anyMapType.name;
}
