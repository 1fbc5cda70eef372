/** The HTTP API's paths, parameters and JSON, written once: the client and the server both import them. */
export { encodeKey, paths } from './paths.ts';
export { headers, parameters } from './parameters.ts';
export type * from './agent.ts';
export type * from './catalog.ts';
export type * from './kv.ts';
export type * from './templates.ts';
export type * from './session.ts';
