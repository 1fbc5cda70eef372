import { liveKey, memberKey, stateKey } from '../catalog/keys.ts';
import { encodeLive, encodeMember, encodeState, type LiveInfo, type MemberInfo } from '../catalog/member.ts';
import type { Commit, Entry, LeaseId, Operation, Store } from '../store/store.ts';

/** What the store says of one node's name, read at the store itself. */
export interface NameRows {
  readonly live: (LiveInfo & { readonly revision: number; readonly lease: LeaseId | undefined }) | undefined;
  readonly member: { readonly info: MemberInfo; readonly value: Uint8Array } | undefined;
}

export interface Claimant {
  readonly id: string;
  readonly incarnation: string;
  /** Since when this incarnation waits for the name, and the most that it waits; 0 for a store of one process. */
  readonly waitedMs: number;
  readonly patienceMs: number;
  /** The revision at which it had the name; 0 if it never had it. */
  readonly hadAt: number;
}

/**
 * take: write the row. wait: its holder may be dead, look again. taken: its holder is alive. superseded: somebody else
 * took it from us.
 */
export type ClaimStep = 'take' | 'wait' | 'taken' | 'superseded';

/** What an agent does about its node's name, given who holds it. */
export function claimStep(
  holder: (LiveInfo & { readonly revision: number }) | undefined,
  own: Claimant,
): ClaimStep {
  if (holder === undefined || holder.incarnation === own.incarnation) return 'take';
  // An older row than ours comes from a store that was restored: it says nothing about who came later.
  if (own.hadAt > 0 && holder.revision > own.hadAt) return 'superseded';
  // A former life of this very node: a restart inside the lease's time shows nothing.
  if (holder.id === own.id) return 'take';
  if (own.waitedMs < own.patienceMs) return 'wait';
  return own.patienceMs === 0 ? 'take' : 'taken';
}

export async function readName(store: Pick<Store, 'read'>, node: string): Promise<NameRows> {
  const [live, member] = await Promise.all([readKey(store, liveKey(node)), readKey(store, memberKey(node))]);
  return {
    live: live && { ...(decode(live) as LiveInfo), revision: live.modRevision, lease: live.lease },
    member: member && { info: decode(member) as MemberInfo, value: member.value },
  };
}

/** Takes the name as it was read. `state/` is only touched when nobody held it: a restart moves no index. */
export function takeCommit(rows: NameRows, own: LiveInfo, info: MemberInfo, lease: LeaseId): Commit {
  const { name } = info;
  const then: Operation[] = [{ put: liveKey(name), value: encodeLive(own), lease }];
  if (rows.live === undefined) then.push({ put: stateKey(name), value: encodeState(true) });
  const member = encodeMember(info);
  if (rows.member === undefined || Buffer.compare(rows.member.value, member) !== 0)
    then.push({ put: memberKey(name), value: member });
  return { when: [{ key: liveKey(name), modRevision: rows.live?.revision ?? 0 }], then };
}

async function readKey(store: Pick<Store, 'read'>, key: string): Promise<Entry | undefined> {
  for await (const page of store.read({ key })) return page.entries[0];
  return undefined;
}

function decode({ value }: Entry): unknown {
  return JSON.parse(Buffer.from(value).toString('utf8'));
}
