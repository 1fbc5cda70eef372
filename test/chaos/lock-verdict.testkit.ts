import { decodeKv } from '../../src/kv/codec.ts';
import type { HistoryEvent } from './etcd-history.testkit.ts';
import { checkLinearizable } from './linearizable.testkit.ts';
import { lock } from './lock.testkit.ts';
import type { Hold, LockClients } from './lock-clients.testkit.ts';
import type { Judgement } from './verdict.testkit.ts';

/** What clients were told of locks, against each other and against what the store went through. */
export function judgeLocks(clients: LockClients, events: readonly HistoryEvent[]): Judgement {
  const faults: string[] = [];
  for (const [key, history] of clients.complete()) {
    const verdict = checkLinearizable(lock, history);
    if (verdict.linearizable) continue;
    const stuck = verdict.stuck.map(
      ({ client, input, output }) => `${client} ${JSON.stringify(input)}: ${JSON.stringify(output)}`,
    );
    faults.push(`${key}: not linearizable; fits into no order:\n  ${stuck.join('\n  ')}`);
  }
  const ends = endsOf(events);
  faults.push(...judgeRows(events, ends), ...judgeHolds(clients.holds, ends));
  faults.push(...missingHolds(clients.holds, events));
  const { size } = clients.sessions;
  return { faults, figures: `${clients.holds.length} holds of locks by ${size} sessions` };
}

/** Session -> revision from which it may take nothing any more. */
export function endsOf(events: readonly HistoryEvent[]): ReadonlyMap<string, number> {
  const ends = new Map<string, number>();
  for (const { key, value, revision } of events) {
    if (value !== undefined || !key.startsWith('alive/')) continue;
    ends.set(key.slice('alive/'.length), revision);
  }
  return ends;
}

/** Every step of every lock: its index grows with each new holder, who is alive, and nobody takes it from a holder. */
export function judgeRows(
  events: readonly HistoryEvent[],
  ends: ReadonlyMap<string, number>,
): readonly string[] {
  const faults: string[] = [];
  const rows = new Map<string, { readonly session: string; readonly lockIndex: number }>();
  for (const { key, value, revision } of events) {
    if (!key.startsWith('kv/') || value === undefined) continue;
    const before = rows.get(key) ?? { session: '', lockIndex: 0 };
    const { session, lockIndex } = decodeKv(key, value, 0, revision);
    rows.set(key, { session, lockIndex });
    const told = `${key} at revision ${revision}`;
    if (lockIndex < before.lockIndex)
      faults.push(`${told}: LockIndex fell from ${before.lockIndex} to ${lockIndex}`);
    if (session === '' || session === before.session) continue;
    if (before.session !== '') faults.push(`${told}: ${session} took it from ${before.session}`);
    if (lockIndex <= before.lockIndex)
      faults.push(`${told}: ${session} took it, LockIndex stayed ${lockIndex}`);
    if ((ends.get(session) ?? Infinity) <= revision)
      faults.push(`${told}: ${session} took it after its end at ${ends.get(session)}`);
  }
  return faults;
}

/** Acquisitions that were acknowledged, of which the store knows nothing. */
export function missingHolds(holds: readonly Hold[], events: readonly HistoryEvent[]): readonly string[] {
  const taken = new Set(
    events.flatMap(({ key, value, revision }) => {
      if (!key.startsWith('kv/') || value === undefined) return [];
      const { session, lockIndex } = decodeKv(key, value, 0, revision);
      return [`${key} ${session} ${lockIndex}`];
    }),
  );
  return holds
    .filter(({ key, session, lockIndex }) => !taken.has(`kv/${key} ${session} ${lockIndex}`))
    .map((hold) => `${hold.key}: ${tell(hold)} is not in the store's history`);
}

/** No two acknowledged holds have one index, and those that overlap in time do so after the end of the elder's session. */
export function judgeHolds(holds: readonly Hold[], ends: ReadonlyMap<string, number>): readonly string[] {
  const faults: string[] = [];
  const sorted = [...holds].sort((a, b) => a.lockIndex - b.lockIndex);
  for (const [index, elder] of sorted.entries()) {
    for (const younger of sorted.slice(index + 1)) {
      if (younger.key !== elder.key || younger.session === elder.session) continue;
      const told = `${elder.key}: ${tell(elder)} and ${tell(younger)}`;
      if (younger.lockIndex === elder.lockIndex) faults.push(`${told} have one LockIndex`);
      if (younger.from <= elder.calledAt) faults.push(`${told}: LockIndex grew against the time`);
      const overlaps = younger.from < elder.to && elder.from < younger.to;
      if (overlaps && (ends.get(elder.session) ?? Infinity) >= younger.modifyIndex)
        faults.push(`${told} overlap, though the first one's session had not ended`);
    }
  }
  return faults;
}

function tell({ client, session, lockIndex, modifyIndex }: Hold): string {
  return `${client} (${session}, index ${lockIndex}, revision ${modifyIndex})`;
}
