/** @portolan/sdk: a client for the HTTP API of Portolan and Consul. */
export { Client, StatusClient } from './client.ts';
export { AgentClient, type CheckStatus } from './client-agent.ts';
export { CatalogClient } from './client-catalog.ts';
export { HealthClient } from './client-health.ts';
export { KvClient, type KvEntry, type KvLockOptions, type KvWriteOptions } from './client-kv.ts';
export { SessionClient } from './client-session.ts';
export { ClientError, type ClientErrorCode } from './errors.ts';
export type { Answer, ClientOptions, Consistency, Fetch, ReadOptions, RequestOptions } from './transport.ts';
export { encodeKey, paths } from './wire/mod.ts';
export type * from './wire/mod.ts';
