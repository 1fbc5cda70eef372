import type { Random } from './random.testkit.ts';

/** One fault: it begins, lasts, and is made good again. Hosts are numbers from 0. */
export interface Fault {
  readonly kind: FaultKind;
  readonly host: number;
  readonly atMs: number;
  readonly lastsMs: number;
}

/**
 * etcd-*: the member of that host. isolate: the host is cut from all others, its own agent included in what is left to it.
 * deaf: nothing reaches the host, what it sends goes out. loss: 30 % of its packets, both ways. hold, slow, reset: the
 * agent's way to etcd through a proxy says nothing, is 200 ms late, or is reset again and again.
 */
export type FaultKind =
  | 'etcd-kill'
  | 'etcd-stall'
  | 'agent-kill'
  | 'agent-stall'
  | 'isolate'
  | 'deaf'
  | 'loss'
  | 'hold'
  | 'slow'
  | 'reset';

const shares: readonly (readonly [FaultKind, share: number, mostMs: number])[] = [
  ['etcd-kill', 4, 5000],
  ['etcd-stall', 3, 5000],
  ['agent-kill', 4, 3000],
  ['agent-stall', 3, 10_000],
  ['isolate', 4, 10_000],
  ['deaf', 2, 5000],
  ['loss', 2, 5000],
  ['hold', 2, 5000],
  ['slow', 1, 3000],
  ['reset', 1, 2000],
];

/** Those that take a member away from etcd: one at a time, so that a majority is left. */
const takesMember: ReadonlySet<FaultKind> = new Set(['etcd-kill', 'etcd-stall', 'isolate', 'deaf', 'loss']);

/** Only the last host's agent has proxies. */
const throughProxy: ReadonlySet<FaultKind> = new Set(['hold', 'slow', 'reset']);

/**
 * Faults of `totalMs`, as the random numbers say: up to two at a time, never two on one host, and etcd keeps a majority,
 * except for moments: a member needs a second or two to catch up. The last ends with the time.
 */
export function buildSchedule(random: Random, totalMs: number, hosts = 3): readonly Fault[] {
  const faults: Fault[] = [];
  const busyUntil = Array.from({ length: hosts }, () => 0);
  let memberUntil = 0;
  for (let atMs = 0; atMs < totalMs - 500; atMs += random.between(300, 2500)) {
    const free = busyUntil.flatMap((until, host) => (until <= atMs ? [host] : []));
    if (free.length < hosts - 1) continue;
    const [kind, , mostMs] = pickShare(random);
    const host = throughProxy.has(kind) ? hosts - 1 : random.pick(free);
    if (!free.includes(host)) continue;
    const lastsMs = Math.min(random.between(500, mostMs), totalMs - atMs);
    if (takesMember.has(kind)) {
      if (memberUntil > atMs) continue;
      memberUntil = atMs + lastsMs + 1000;
    }
    busyUntil[host] = atMs + lastsMs + 300;
    faults.push({ kind, host, atMs: Math.round(atMs), lastsMs: Math.round(lastsMs) });
  }
  return faults;
}

function pickShare(random: Random): (typeof shares)[number] {
  const total = shares.reduce((sum, [, share]) => sum + share, 0);
  let draw = random.between(0, total);
  for (const entry of shares) {
    draw -= entry[1];
    if (draw < 0) return entry;
  }
  throw new RangeError('no kind of fault');
}

export function tellFault({ kind, host, atMs, lastsMs }: Fault): string {
  return `${(atMs / 1000).toFixed(1)} s: ${kind} n${host + 1} for ${(lastsMs / 1000).toFixed(1)} s`;
}
