/** A rule about fields: what is asked of a value whose type is known from the text. */
import { nearestWord } from '../../lib/suggest.ts';
import type { FieldNode, Node, PipeNode } from '../../template/nodes.ts';
import type { GoType, StructType } from '../../template/types.ts';
import type { FunctionContext } from '../functions/context.ts';
import { templateFunctions } from '../functions/functions.ts';
import type { Rule } from './lint.ts';

/** Making the table asks nothing of a context. */
const functions = templateFunctions({} as FunctionContext);

export const unknownField: Rule = {
  name: 'unknown-field',
  severity: 'error',
  find: ({ places }) =>
    places.flatMap(({ node, parents }) => {
      if (node.type !== 'field') return [];
      const wrong = wrongName(node, typeOfDot(parents));
      if (wrong === undefined) return [];
      const { name, type } = wrong;
      const near = nearestWord(name, [...type.index.keys(), ...type.methods.keys()]);
      const hint = near === undefined ? '' : `: did you mean .${near}?`;
      return [{ position: node.position, message: `${type.name} has no field ${name}${hint}` }];
    }),
};

function wrongName(
  { names }: FieldNode,
  type: GoType | undefined,
): { readonly name: string; readonly type: StructType } | undefined {
  let at = type;
  for (const name of names) {
    const struct = structOf(at);
    if (struct === undefined) return undefined;
    if (!struct.index.has(name) && !struct.methods.has(name)) return { name, type: struct };
    at = fieldOf(struct, name);
  }
  return undefined;
}

function structOf(type: GoType | undefined): StructType | undefined {
  if (type?.kind === 'ptr') return type.elem;
  return type?.kind === 'struct' ? type : undefined;
}

function fieldOf(struct: StructType, name: string): GoType | undefined {
  const at = struct.index.get(name);
  return at === undefined ? undefined : struct.fields[at]?.type;
}

/** What dot is inside of these parents, as far as `range` and `with` over calls and fields tell. */
function typeOfDot(parents: readonly Node[]): GoType | undefined {
  for (let i = parents.length - 1; i >= 0; i--) {
    const parent = parents[i]!;
    if ((parent.type !== 'range' && parent.type !== 'with') || parents[i + 1] !== parent.list) continue;
    const type = typeOf(parent.pipe, parents.slice(0, i));
    return parent.type === 'with' ? type : elementOf(type);
  }
  return undefined;
}

function elementOf(type: GoType | undefined): GoType | undefined {
  return type?.kind === 'slice' || type?.kind === 'map' ? type.elem : undefined;
}

function typeOf(pipe: PipeNode, parents: readonly Node[]): GoType | undefined {
  const [first] = pipe.commands.at(-1)?.args ?? [];
  if (first?.type === 'identifier') return functions.get(first.name)?.result;
  if (first?.type === 'pipe') return typeOf(first, parents);
  if (first?.type !== 'field') return undefined;
  let type = typeOfDot(parents);
  for (const name of first.names) {
    const struct = structOf(type);
    type = struct === undefined ? undefined : fieldOf(struct, name);
  }
  return type;
}
