/** Structured text in and out: parseYAML, toYAML, toTOML. */
import { trimSpace } from '../../lib/go-text.ts';
import { defineFunction } from '../../template/functions.ts';
import type { GoFunction } from '../../template/functions.ts';
import { goMap } from '../../template/values.ts';
import { writeToml } from './toml.ts';
import { readYaml } from './yaml-read.ts';
import { writeYaml } from './yaml-write.ts';

export const markupFunctions: readonly GoFunction[] = [
  defineFunction('parseYAML', { params: ['string'], result: 'any' }, (text) =>
    text === '' ? goMap([]) : readYaml(text),
  ),
  defineFunction('toYAML', { params: ['any'], result: 'string' }, (value) => trimSpace(writeYaml(value))),
  defineFunction('toTOML', { params: ['any'], result: 'string' }, (value) => {
    if (value === null || value === undefined) {
      throw new Error('reflect: call of reflect.Value.Type on zero Value');
    }
    try {
      return trimSpace(writeToml(value));
    } catch (error) {
      throw new Error(`toTOML: ${(error as Error).message}`, { cause: error });
    }
  }),
];
