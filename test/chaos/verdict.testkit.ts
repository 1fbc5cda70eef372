import type { HistoryEvent } from './etcd-history.testkit.ts';
import type { Exchanges } from './exchange.testkit.ts';
import type { KvClients } from './kv-clients.testkit.ts';
import type { Operation, Verdict } from './linearizable.testkit.ts';
import { checkRegister, type RegisterInput, type RegisterOutput } from './register.testkit.ts';

export interface Judgement {
  /** Each readable by itself; none = all is well. */
  readonly faults: readonly string[];
  /** One line about how much was judged. */
  readonly figures: string;
}

/** What makes a fault readable. */
export interface Context {
  /** performance.now() from which times are told. */
  readonly beganAt: number;
  /** What the store went through. */
  readonly events: readonly HistoryEvent[];
}

/** Histories are linearizable key by key, and what was acknowledged is there, whichever agent is asked. */
export async function judgeKv(
  clients: KvClients,
  urls: readonly string[],
  exchanges: Exchanges,
  seen: Context = { beganAt: 0, events: [] },
): Promise<Judgement> {
  const faults: string[] = [];
  let operations = 0;
  let unknown = 0;
  for (const [key, history] of clients.histories) {
    operations += history.length;
    unknown += history.filter(({ output }) => output === undefined).length;
    const verdict = checkRegister(history);
    if (!verdict.linearizable) faults.push(tellOrder(key, history, verdict, seen));
  }
  for (const url of urls) {
    const rows = await exchanges.get<{ Key: string; Value: string }[]>(
      url,
      '/v1/kv/chaos/insert/?recurse&consistent',
    );
    const present = new Map(rows?.map(({ Key, Value }) => [Key, Buffer.from(Value, 'base64').toString()]));
    const missing = [...clients.inserted].filter(([key, value]) => present.get(key) !== value);
    if (missing.length > 0)
      faults.push(
        `${url}: ${missing.length} acknowledged writes are missing: ${missing.slice(0, 5).join('; ')}`,
      );
  }
  const { size } = clients.histories;
  const figures = `${operations} operations on ${size} keys (${unknown} of unknown outcome), ${clients.inserted.size} inserts`;
  return { faults, figures };
}

/** What was going on around the operation that fits nowhere: as clients saw it, and as the store did. */
function tellOrder(
  key: string,
  history: readonly Operation<RegisterInput, RegisterOutput>[],
  verdict: Verdict<RegisterInput, RegisterOutput> & { readonly linearizable: false },
  { beganAt, events }: Context,
): string {
  const [first] = verdict.stuck;
  if (first === undefined) return `${key}: not linearizable`;
  const near = history.filter(
    ({ calledAt, returnedAt, output }) =>
      calledAt <= first.returnedAt + 500 && (output === undefined || returnedAt >= first.calledAt - 1000),
  );
  const fits = new Set(verdict.longest);
  const lines = near.map((operation) => `  ${fits.has(operation) ? ' ' : 'x'} ${tell(operation, beganAt)}`);
  const told = new Set(near.flatMap(({ output }) => (output?.kind === 'row' ? [output.modifyIndex] : [])));
  const steps = events
    .filter((event) => event.key === `kv/${key}` && event.revision >= Math.min(...told) - 100)
    .filter((event) => event.revision <= Math.max(...told) + 20)
    .map(({ revision, value }) => `    ${revision}: ${value?.toString('latin1').slice(1) ?? 'deleted'}`);
  return [
    `${key}: not linearizable; x = fits into no order, times in seconds`,
    ...lines,
    '  the store:',
    ...steps,
  ].join('\n');
}

function tell(operation: Operation<RegisterInput, RegisterOutput>, beganAt: number): string {
  const { client, input, output, calledAt, returnedAt } = operation;
  const { kind, ...details } = input;
  const asked = `${kind} ${Object.values(details).map(String).join(' -> ')}`.trimEnd();
  const seconds = (at: number): string => ((at - beganAt) / 1000).toFixed(3);
  const times = `${seconds(calledAt)}..${output === undefined ? '?' : seconds(returnedAt)}`;
  return `${times.padEnd(17)} ${client.padEnd(8)} ${asked}: ${tellOutput(output)}`;
}

function tellOutput(output: RegisterOutput | undefined): string {
  if (output === undefined) return 'unknown';
  if (output.kind === 'row') return `${output.value} at ${output.modifyIndex}`;
  return output.kind === 'absent' ? 'absent' : String(output.done);
}
