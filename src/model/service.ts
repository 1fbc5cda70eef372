export interface Weights {
  /** 1 to 65535; default 1. */
  readonly passing: number;
  /** 0 to 65535; default 1. */
  readonly warning: number;
}

export interface ServiceAddress {
  readonly address: string;
  readonly port: number;
}

/** A service instance as it is registered on a node. */
export interface Service {
  /** Unique on its node. */
  readonly id: string;
  readonly name: string;
  readonly tags: readonly string[];
  /** '' means: the node's address. */
  readonly address: string;
  readonly port: number;
  readonly taggedAddresses: Readonly<Record<string, ServiceAddress>> | null;
  readonly meta: Readonly<Record<string, string>> | null;
  readonly weights: Weights;
  readonly enableTagOverride: boolean;
  readonly socketPath: string;
}

export const defaultWeights: Weights = Object.freeze({ passing: 1, warning: 1 });
