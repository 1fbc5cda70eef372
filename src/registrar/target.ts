import type { CheckStatus } from '../model/check.ts';
import type { ServiceRegistration } from '../model/registration.ts';
import type { Service } from '../model/service.ts';

/**
 * Where desired services go: this process's registry, or any Consul agent over HTTP. The registrar removes only what
 * bears its own mark, so a target lists every service with its meta and the registrar looks for the mark itself.
 */
export interface Target {
  /** For messages: `this agent` or the URL. */
  readonly name: string;
  /** Every service that the agent behind the target holds. */
  services(signal: AbortSignal): Promise<readonly OwnedService[]>;
  /** Applies all actions; each outcome by position, undefined = done. One bad action does not hold up the others. */
  apply(actions: readonly Action[], signal: AbortSignal): Promise<readonly (Error | undefined)[]>;
}

/** What the target holds for one service id. */
export interface OwnedService {
  readonly service: Service;
}

/**
 * register puts the service with its checks in place of what the id had. status sets the Docker health check's status
 * of one registered service.
 */
export type Action =
  | { readonly type: 'register'; readonly registration: ServiceRegistration }
  | { readonly type: 'deregister'; readonly serviceId: string }
  | { readonly type: 'status'; readonly checkId: string; readonly status: CheckStatus; readonly output: string };
