import type { CheckRow, Instance, NodeRow, ServiceRow } from './rows.ts';

/** What a filter expression may select in a row of type T. */
export type SelectorTable<T> = { readonly row?: T };

export class FilterError extends Error {
  readonly code = 'invalid';
}

/** Parses a filter; throws FilterError, whose message is the whole text a client sees. `''` accepts every row. */
export function parseFilter<T>(_expression: string, _selectors: SelectorTable<T>): (row: T) => boolean {
  throw new Error('not yet');
}

/** catalog/nodes. */
export declare const nodeSelectors: SelectorTable<NodeRow>;
/** catalog/service and catalog/services. */
export declare const serviceNodeSelectors: SelectorTable<ServiceRow>;
/** catalog/node, catalog/node-services and agent/services (any model Service). */
export declare const nodeServiceSelectors: SelectorTable<ServiceRow>;
/** health/node, checks and state, agent/checks. */
export declare const healthCheckSelectors: SelectorTable<CheckRow>;
/** health/service. */
export declare const checkServiceNodeSelectors: SelectorTable<Instance>;
