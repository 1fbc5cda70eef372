/** What becomes of the keys that a session holds when it ends. */
export type SessionBehavior = 'release' | 'delete';

/** A session. Durations are nanoseconds, but for `TTL`, which is the text that it was made with. */
export interface SessionEntry {
  readonly ID: string;
  readonly Name: string;
  readonly Node: string;
  /** How long nobody may lock a key that the session held when it ended. */
  readonly LockDelay: number;
  readonly Behavior: SessionBehavior;
  /** '' = it need not be renewed. */
  readonly TTL: string;
  readonly NodeChecks: readonly string[];
  readonly ServiceChecks: readonly { readonly ID: string; readonly Namespace: string }[] | null;
  /** The old name of `NodeChecks`; only if it was used. */
  readonly Checks?: readonly string[];
  readonly CreateIndex: number;
  readonly ModifyIndex: number;
}

/** What a session is made of; everything has a default. */
export interface SessionDefinition {
  readonly Name?: string;
  /** Default: the answering agent's node. */
  readonly Node?: string;
  /** `"15s"` (the default), `"0s"` for none, at most a minute. */
  readonly LockDelay?: string | number;
  /** Default `release`. */
  readonly Behavior?: SessionBehavior;
  /** 10 s to 24 h; the session ends when it is not renewed for twice that time. */
  readonly TTL?: string;
  /** Default `["serfHealth"]`. */
  readonly NodeChecks?: readonly string[];
  readonly ServiceChecks?: readonly { readonly ID: string; readonly Namespace?: string }[];
}
