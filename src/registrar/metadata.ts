import type { ContainerPort, ContainerSnapshot } from '../docker/docker.ts';

/**
 * SERVICE_* of a container's env and labels, as it holds for one port. Keys are lower case, without the prefix.
 *
 * Precedence: `SERVICE_<port>_<proto>_x` over `SERVICE_<port>_x` over `SERVICE_x`, and within each the label over the
 * env. An empty value shadows, and counts as unset when read. Of two keys that differ in case alone the one that sorts
 * first counts.
 */
export interface Metadata {
  /** '' if unset. */
  get(key: string): string;
  /** The value was given for this very port. */
  isOfPort(key: string): boolean;
  readonly pairs: readonly (readonly [key: string, value: string])[];
}

interface Entry {
  readonly key: string;
  readonly value: string;
  /** 0 = every port. */
  readonly port: number;
  /** '' = every protocol. */
  readonly protocol: string;
  readonly rank: number;
}

const prefix = 'SERVICE_';
const forPort = /^(\d+)_(?:(tcp|udp|sctp)_)?(.*)$/s;

/** Reads a container's metadata once; the returned function gives what holds for a port. */
export function parseMetadata(
  container: Pick<ContainerSnapshot, 'env' | 'labels'>,
): (port: Pick<ContainerPort, 'port' | 'protocol'>) => Metadata {
  const entries = [
    ...envPairs(container.env).flatMap(parseEntry(0)),
    ...labelPairs(container.labels).flatMap(parseEntry(1)),
  ];
  // Later ones win in a Map, so the weakest come first.
  entries.sort((a, b) => a.rank - b.rank);
  return ({ port, protocol }) => {
    const fits = ({ port: p, protocol: t }: Entry): boolean =>
      (p === 0 || p === port) && (t === '' || t === protocol);
    const byKey = new Map(entries.filter(fits).map((entry) => [entry.key, entry]));
    return {
      get: (key) => byKey.get(key)?.value ?? '',
      isOfPort: (key) => byKey.get(key)?.port === port,
      pairs: [...byKey.values()].map(({ key, value }) => [key, value]),
    };
  };
}

function parseEntry(rankOfSource: number): (pair: readonly [string, string]) => Entry[] {
  return ([name, value]) => {
    const rest = name.slice(prefix.length).toLowerCase();
    const match = forPort.exec(rest);
    if (match === null)
      return rest === '' ? [] : [{ key: rest, value, port: 0, protocol: '', rank: rankOfSource }];
    const [, port, protocol = '', key = ''] = match;
    const rank = rankOfSource + (protocol === '' ? 2 : 4);
    return key === '' ? [] : [{ key, value, port: Number(port), protocol, rank }];
  };
}

function envPairs(env: readonly string[]): (readonly [string, string])[] {
  return sorted(
    env.map((line) => {
      const at = line.indexOf('=');
      return at === -1 ? ([line, ''] as const) : ([line.slice(0, at), line.slice(at + 1)] as const);
    }),
  );
}

function labelPairs(labels: Readonly<Record<string, string>>): (readonly [string, string])[] {
  return sorted(Object.entries(labels));
}

/** Those with the prefix, the one that sorts first last, so that it wins. */
function sorted(pairs: readonly (readonly [string, string])[]): (readonly [string, string])[] {
  return pairs.filter(([name]) => name.startsWith(prefix)).sort(([a], [b]) => (a < b ? 1 : a > b ? -1 : 0));
}

/** `a,b\,c,,d` -> a | b,c | d */
export function parseTags(text: string): string[] {
  return text
    .split(/(?<!\\),/)
    .map((tag) => tag.replaceAll('\\,', ','))
    .filter((tag) => tag !== '');
}

/** Any text but these is a yes, as in Registrator; there "false" was one too. */
export function isYes(value: string): boolean {
  return !['', 'false', '0', 'no', 'off'].includes(value.toLowerCase());
}
