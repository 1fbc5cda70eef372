/** What a registrar counts, for metrics and for people. Counters only grow; the rest is as of now. */
export interface RegistrarStats {
  /** The event stream is open and the first list done. */
  connected: boolean;
  containers: number;
  events: number;
  inspects: number;
  inspectErrors: number;
  lists: number;
  /** Times that a list found what no event had told. */
  drift: number;
  connects: number;
  registered: number;
  deregistered: number;
  statusChanges: number;
  applyErrors: number;
  /** Services whose id somebody else holds, as of now. */
  conflicts: number;
}

export function emptyStats(): RegistrarStats {
  return {
    connected: false,
    containers: 0,
    events: 0,
    inspects: 0,
    inspectErrors: 0,
    lists: 0,
    drift: 0,
    connects: 0,
    registered: 0,
    deregistered: 0,
    statusChanges: 0,
    applyErrors: 0,
    conflicts: 0,
  };
}
