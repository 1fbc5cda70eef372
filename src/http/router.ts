import type { Answer } from './answer.ts';
import type { Deps } from './deps.ts';
import type { HttpRequest } from './request.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';
export type Handler = (request: HttpRequest, deps: Deps) => Answer | Promise<Answer>;

export interface Route {
  /** Ends in `/` when a name or key follows. */
  readonly path: string;
  /** Verbs in the order in which an Allow header names them. */
  readonly methods: Readonly<Partial<Record<Method, Handler>>>;
  /** Knows no namespaces and ignores that a request names one. */
  readonly ignoresNamespace?: boolean;
}

export interface Match {
  readonly route: Route;
  readonly tail: string;
}

/** Finds the route of a clean path: the exact one, or the longest prefix that ends in a slash. */
export class Router {
  readonly #exact = new Map<string, Route>();
  readonly #prefixes = new Map<string, Route>();
  #deepest = 0;

  constructor(routes: readonly Route[]) {
    for (const route of routes) {
      const table = route.path.endsWith('/') ? this.#prefixes : this.#exact;
      if (table.has(route.path)) throw new Error(`route ${route.path} is listed twice`);
      table.set(route.path, route);
      this.#deepest = Math.max(this.#deepest, route.path.split('/').length - 1);
    }
  }

  find(path: string): Match | undefined {
    const exact = this.#exact.get(path);
    if (exact !== undefined) return { route: exact, tail: '' };
    let found: Match | undefined;
    let at = path.indexOf('/');
    for (let depth = 0; at >= 0 && depth < this.#deepest; depth++) {
      const route = this.#prefixes.get(path.slice(0, at + 1));
      if (route !== undefined) found = { route, tail: path.slice(at + 1) };
      at = path.indexOf('/', at + 1);
    }
    return found;
  }

  /** Whether the path is that of a prefix route without its slash: a client is sent to the one with it. */
  lacksSlash(path: string): boolean {
    return !this.#exact.has(path) && this.#prefixes.has(`${path}/`);
  }
}

/** The value of an Allow header. */
export function allowed(route: Route): string {
  return ['OPTIONS', ...Object.keys(route.methods)].join(',');
}
