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
  /**
   * Reserves the target for one live registrar of this id. Throws RegistrarError 'claimed' when another one lives.
   * What a killed one left behind is taken over.
   */
  claim(registrarId: string, events: ClaimEvents, signal: AbortSignal): Promise<Claim>;
  /** Statuses must be repeated so often, since the target lets them run out; 0 = never. */
  readonly refreshMs: number;
}

export interface ClaimEvents {
  /** Another registrar has the id now: stop. */
  onLost(error: Error): void;
  /** The target may have forgotten or changed something (it was away): read it again. */
  onDoubt(): void;
}

export interface Claim {
  release(): Promise<void>;
}

/** What the target holds for one service id. */
export interface OwnedService {
  readonly service: Service;
  /** The state of its check `service:<id>:docker`, undefined if it has none. */
  readonly docker: { readonly status: string; readonly output: string } | undefined;
}

/**
 * register puts the service with its checks in place of what the id had. status sets the Docker health check's status
 * of one registered service.
 */
export type Action =
  | { readonly type: 'register'; readonly registration: ServiceRegistration }
  | { readonly type: 'deregister'; readonly serviceId: string }
  | {
      readonly type: 'status';
      readonly checkId: string;
      readonly status: CheckStatus;
      readonly output: string;
    };

export type RegistrarErrorCode =
  /** Another live registrar has the id: give this one another id, or stop the other. */
  | 'claimed'
  /** The target refused or did not answer; what was asked is tried again. */
  | 'target';

export class RegistrarError extends Error {
  readonly code: RegistrarErrorCode;

  constructor(code: RegistrarErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'RegistrarError';
    this.code = code;
  }
}
