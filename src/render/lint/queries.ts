/** Rules about what a template asks its source for, and what it does when there is nothing. */
import { printNode, type Node, type PipeNode } from '../../template/nodes.ts';
import {
  keyDependency,
  nodeDependency,
  nodesDependency,
  prefixDependency,
  serviceDependency,
  servicesDependency,
} from '../dependency.ts';
import type { Rule } from './lint.ts';
import { type Call, enclosing, functionsIn, literal, siblings } from './subject.ts';

const parsers: Readonly<Record<string, (text: string) => unknown>> = {
  service: (text) => serviceDependency(text),
  connect: (text) => serviceDependency(text, 'connect'),
  services: servicesDependency,
  node: nodeDependency,
  nodes: nodesDependency,
  key: (text) => keyDependency(text, { blocking: true }),
  keyExists: (text) => keyDependency(text, { blocking: false }),
  ls: prefixDependency,
  tree: prefixDependency,
  safeLs: prefixDependency,
  safeTree: prefixDependency,
};

const lists: ReadonlySet<string> = new Set([
  'services',
  'nodes',
  'service',
  'connect',
  'ls',
  'tree',
  'safeLs',
  'safeTree',
]);

export const badQuery: Rule = {
  name: 'bad-query',
  severity: 'error',
  find: ({ calls }) =>
    calls.flatMap((call) => {
      const text = literal(call);
      const parse = Object.hasOwn(parsers, call.name) ? parsers[call.name] : undefined;
      if (text === undefined || text === '' || parse === undefined) return [];
      try {
        parse(text);
        return [];
      } catch (error) {
        return [{ position: call.position, message: (error as Error).message }];
      }
    }),
};

export const dottedName: Rule = {
  name: 'dotted-service-name',
  severity: 'warning',
  find: ({ calls }) =>
    calls.flatMap((call) => {
      const name = call.name === 'service' ? literal(call)?.split(/[?@~|]/)[0] : undefined;
      const dot = name?.lastIndexOf('.') ?? -1;
      if (name === undefined || name.includes("'") || name.indexOf('.') === dot) return [];
      const [tag, service] = [name.slice(0, dot), name.slice(dot + 1)];
      return [
        {
          position: call.position,
          message: `the last dot divides: this asks for service "${service}" with tag "${tag}"; a name with dots is quoted, as '${name}'`,
        },
      ];
    }),
};

export const keyMayBeMissing: Rule = {
  name: 'key-without-default',
  severity: 'warning',
  find: ({ calls }) =>
    calls
      .filter((call) => call.name === 'key' && literal(call) !== '' && !isGuardedKey(call))
      .map((call) => {
        const shown = literal(call) === undefined ? 'the key' : `the key ${literal(call)}`;
        return {
          position: call.position,
          message: `nothing is rendered until ${shown} exists: keyOrDefault renders without it`,
        };
      }),
};

/** Inside `if keyExists` or `with keyOrDefault` of the same key, or of any when it is no literal. */
function isGuardedKey(call: Call): boolean {
  const wanted = literal(call);
  return enclosing(call.parents).some(({ pipe }) => {
    const text = printNode(pipe);
    return text.includes('keyExists') && (wanted === undefined || text.includes(JSON.stringify(wanted)));
  });
}

/** An nginx upstream without a server is refused with the whole configuration. */
export const emptyUpstream: Rule = {
  name: 'empty-upstream',
  severity: 'warning',
  find: ({ places }) =>
    places.flatMap((place) => {
      const { node } = place;
      if (node.type !== 'range' || node.elseList !== undefined || !mayBeEmpty(node.pipe)) return [];
      if (isGuarded(node.pipe, place.parents)) return [];
      const { before, after } = siblings(place);
      const opened = /\bupstream\s+[^\s{}]+\s*\{([^}]*)$/.exec(before.map(printed).join(''))?.[1];
      if (opened === undefined || /^\s*server\s/m.test(opened)) return [];
      const rest = after.map(printed).join('').split('}')[0] ?? '';
      if (/^\s*server\s/m.test(rest)) return [];
      return [
        {
          position: node.pipe.position,
          message: `without instances this upstream has no server, and nginx refuses its whole configuration: add {{else}} with "server 127.0.0.1:9 down;", or leave the upstream out`,
        },
      ];
    }),
};

export const unguardedIndex: Rule = {
  name: 'unguarded-index',
  severity: 'warning',
  find: ({ calls }) =>
    calls.flatMap(({ name, args, position, parents }) => {
      const [list, at] = args;
      if (name !== 'index' || list?.type !== 'pipe' || at?.type !== 'number') return [];
      if (!mayBeEmpty(list) || isGuarded(list, parents)) return [];
      return [
        {
          position,
          message: `this fails while ${printNode(list)} is empty: put it into {{with ${printNode(list)}}}`,
        },
      ];
    }),
};

/** The name of the loop that makes a watch of each turn. */
export const watchPerItem: Rule = {
  name: 'watch-per-item',
  severity: 'info',
  find: ({ calls }) =>
    calls.flatMap((call) => {
      if (!Object.hasOwn(parsers, call.name) || literal(call) !== undefined) return [];
      if (call.args.length === 0 && call.piped === undefined) return [];
      const loop = enclosing(call.parents).findLast(({ type, pipe }) => type === 'range' && mayBeEmpty(pipe));
      if (loop === undefined) return [];
      return [
        {
          position: call.position,
          message: `${call.name} inside {{range ${printNode(loop.pipe)}}} is one more query to follow for each item`,
        },
      ];
    }),
};

export const alwaysTrue: Rule = {
  name: 'always-true',
  severity: 'warning',
  find: ({ places }) =>
    places.flatMap(({ node }) => {
      if (node.type !== 'if' && node.type !== 'with') return [];
      if (!/\.ServiceTaggedAddresses\.\w+$/.test(printNode(node.pipe))) return [];
      const message =
        'a tagged address that is not there is an empty one, which is true: ask for .Address of it';
      return [{ position: node.pipe.position, message }];
    }),
};

function mayBeEmpty(pipe: PipeNode): boolean {
  return functionsIn(pipe).some((name) => lists.has(name));
}

/** An enclosing condition asks the same. */
function isGuarded(pipe: PipeNode, parents: readonly Node[]): boolean {
  const asked = withoutVariables(pipe);
  return enclosing(parents).some(({ pipe: condition }) => printNode(condition).includes(asked));
}

function withoutVariables(pipe: PipeNode): string {
  return pipe.commands.map(printNode).join(' | ');
}

/** What a statement may print, as far as the text says it. */
function printed(node: Node): string {
  return node.type === 'text' ? node.text : node.type === 'action' ? 'x' : printNode(node);
}
