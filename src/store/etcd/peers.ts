import { Coalesced } from '../../lib/coalesced.ts';
import type { Caller, CallOptions } from './caller.ts';
import { emptyMessage, type Member, methods } from './messages.ts';

export interface Peers {
  /** `host:port` of every member, sorted. Rejects with CallFailure. */
  all(): Promise<readonly string[]>;
  /** `host:port` of the member that leads; '' when none does. Rejects with CallFailure. */
  leader(): Promise<string>;
}

/** Who keeps the store, as the server that is asked knows it. */
export function findPeers({
  caller,
  calls,
}: {
  readonly caller: Caller;
  readonly calls: CallOptions;
}): Peers {
  const members = new Coalesced(
    async () => (await caller.call(methods.memberList, emptyMessage, calls)).answer.members,
  );
  const statuses = new Coalesced(async () => (await caller.call(methods.status, emptyMessage, calls)).answer);
  return {
    all: async () => (await members.next()).flatMap(addressOf).sort(),
    leader: async () => {
      const [found, { leader }] = await Promise.all([members.next(), statuses.next()]);
      const leading = found.find(({ id }) => id === leader);
      return leading === undefined ? '' : (addressOf(leading)[0] ?? '');
    },
  };
}

// A member that has not started yet has no address.
function addressOf({ clientUrls }: Member): string[] {
  return clientUrls.slice(0, 1).map((url) => url.replace(/^[a-z+]+:\/\//, '').replace(/\/$/, ''));
}
