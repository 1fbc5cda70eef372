/** Rules about variables and definitions. */
import type { ListNode, Node, StatementNode, Tree, VariableNode } from '../../template/nodes.ts';
import type { Rule } from './lint.ts';
import { type Subject } from './subject.ts';

interface Declared {
  readonly node: VariableNode;
  read: boolean;
}

export const unusedVariable: Rule = {
  name: 'unused-variable',
  severity: 'warning',
  find: ({ trees }) =>
    [...trees.values()]
      .flatMap((tree) => new Scopes(tree).unused())
      .map(({ node }) => ({ position: node.position, message: `${node.name} is never read` })),
};

/** Declarations of one tree, each with whether anything reads it before its scope ends. */
class Scopes {
  readonly #all: Declared[] = [];
  #open: Declared[] = [];

  constructor({ root }: Tree) {
    this.#list(root);
  }

  unused(): readonly Declared[] {
    return this.#all.filter(({ read }) => !read);
  }

  #list(list: ListNode): void {
    const mark = this.#open.length;
    for (const node of list.nodes) this.#statement(node);
    this.#open = this.#open.slice(0, mark);
  }

  #statement(node: StatementNode): void {
    switch (node.type) {
      case 'action':
        return this.#reads(node.pipe, true);
      case 'template':
        return node.pipe === undefined ? undefined : this.#reads(node.pipe, true);
      case 'if':
      case 'with':
      case 'range': {
        const mark = this.#open.length;
        this.#reads(node.pipe, node.type !== 'range');
        this.#list(node.list);
        this.#open = this.#open.slice(0, mark);
        return node.elseList === undefined ? undefined : this.#list(node.elseList);
      }
      default:
        return undefined;
    }
  }

  // The first of two variables of a range is there because the second is wanted.
  #reads(node: Node, all: boolean): void {
    if (node.type === 'variable') {
      const found = this.#open.findLast((one) => one.node.name === node.name);
      if (found !== undefined) found.read = true;
    } else if (node.type === 'chain') this.#reads(node.term, true);
    else if (node.type === 'command') for (const arg of node.args) this.#reads(arg, true);
    else if (node.type === 'pipe') {
      for (const command of node.commands) this.#reads(command, true);
      if (!node.isAssign) this.#declare(node.variables, all);
    }
  }

  #declare(variables: readonly VariableNode[], all: boolean): void {
    for (const [i, node] of variables.entries()) {
      const declared = { node, read: !all && variables.length === 2 && i === 0 };
      this.#open.push(declared);
      this.#all.push(declared);
    }
  }
}

export const undefinedTemplate: Rule = {
  name: 'undefined-template',
  severity: 'error',
  find: (subject) =>
    used(subject)
      .filter(({ name }) => !subject.trees.has(name))
      .map(({ name, position }) => ({ position, message: `there is no {{define ${JSON.stringify(name)}}}` })),
};

export const unusedDefinition: Rule = {
  name: 'unused-definition',
  severity: 'info',
  find: (subject) => {
    const names = new Set(used(subject).map(({ name }) => name));
    const isDynamic = subject.calls.some(
      ({ name, args }) => name === 'executeTemplate' && args[0]?.type !== 'string',
    );
    if (isDynamic) return [];
    return [...subject.trees.values()]
      .filter(({ name }) => name !== subject.name && !names.has(name))
      .map(({ name, root }) => ({
        position: root.position,
        message: `nothing uses {{define ${JSON.stringify(name)}}}`,
      }));
  },
};

function used({ places, calls }: Subject): readonly { readonly name: string; readonly position: number }[] {
  const templates = places.flatMap(({ node }) =>
    node.type === 'template' ? [{ name: node.name, position: node.position }] : [],
  );
  const executed = calls.flatMap(({ name, args, position }) => {
    const [first] = args;
    return name === 'executeTemplate' && first?.type === 'string' ? [{ name: first.text, position }] : [];
  });
  return [...templates, ...executed];
}
