import { recordTypes } from './wire.ts';

/**
 * What a name asks for (Consul's forms of names).
 *
 * In: a name as text and the type asked. Out: a Lookup. Labels are compared in lower case; labels with escapes stay
 * escaped, so they match nothing that is registered.
 * Not here: whether what is looked up exists.
 */
export type Lookup =
  /** `tag` '' = any; a tag may hold dots. */
  | { readonly kind: 'service'; readonly service: string; readonly tag: string; readonly datacenter: string }
  | { readonly kind: 'node'; readonly node: string; readonly datacenter: string }
  | { readonly kind: 'query'; readonly query: string; readonly datacenter: string }
  | { readonly kind: 'address'; readonly hex: string }
  /** In the zone, but of no form that we know. */
  | { readonly kind: 'none' };

const nothing: Lookup = { kind: 'none' };

const kinds: ReadonlySet<string> = new Set([
  'service',
  'node',
  'query',
  'addr',
  'connect',
  'virtual',
  'ingress',
]);

/** `web.service.consul.` -> its labels in lower case, escapes kept; the root has none. */
export function labelsOf(name: string): readonly string[] {
  const lower = name.toLowerCase();
  if (!lower.includes('\\'))
    return lower === '.' ? [] : lower.split('.').slice(0, lower.endsWith('.') ? -1 : undefined);
  return lower.match(/(?:\\\d{3}|\\.|[^.\\])+/g) ?? [];
}

/** The labels before `domain` (labels too), or undefined when the name is not in that domain. */
export function labelsInside(
  labels: readonly string[],
  domain: readonly string[],
): readonly string[] | undefined {
  const offset = labels.length - domain.length;
  if (offset < 0 || !domain.every((label, i) => labels[offset + i] === label)) return undefined;
  return labels.slice(0, offset);
}

/** Labels before the domain and the type asked -> what is looked up. */
export function parseLookup(labels: readonly string[], type: number): Lookup {
  for (let i = labels.length - 1; i >= 0; i--) {
    const label = labels[i]!;
    if (kinds.has(label)) return lookupOf(label, labels.slice(0, i), labels.slice(i + 1));
    // RFC 2782 names of SRV questions may leave out the label `service`.
    if (type === recordTypes.SRV && label.startsWith('_')) {
      return lookupOf('service', labels.slice(0, i + 1), labels.slice(i + 1));
    }
  }
  return nothing;
}

/** The address that a PTR name spells backwards, as text, or undefined. */
export function reversedAddress(labels: readonly string[]): string | undefined {
  const v4 = labelsInside(labels, ['in-addr', 'arpa']);
  if (v4 !== undefined) {
    const ok = v4.length === 4 && v4.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
    return ok ? v4.toReversed().join('.') : undefined;
  }
  const v6 = labelsInside(labels, ['ip6', 'arpa']);
  if (v6 === undefined || v6.length !== 32 || !v6.every((part) => /^[0-9a-f]$/.test(part))) return undefined;
  return v6
    .toReversed()
    .join('')
    .replace(/(.{4})(?!$)/g, '$1:');
}

function lookupOf(kind: string, parts: readonly string[], suffixes: readonly string[]): Lookup {
  const datacenter = datacenterOf(suffixes);
  if (datacenter === undefined || parts.length === 0) return nothing;
  switch (kind) {
    case 'service':
      return { kind, ...serviceOf(parts), datacenter };
    case 'node':
      return { kind, node: parts.join('.'), datacenter };
    case 'query':
      return { kind, query: isRfc2782(parts) ? parts[0]!.slice(1) : parts.join('.'), datacenter };
    case 'addr':
      return parts.length === 1 ? { kind: 'address', hex: parts[0]! } : nothing;
    default:
      return nothing;
  }
}

/** '' = ours. One label is a datacenter, as are two of which the second is `dc`. */
function datacenterOf(suffixes: readonly string[]): string | undefined {
  if (suffixes.length === 0) return '';
  if (suffixes.length === 1 || (suffixes.length === 2 && suffixes[1] === 'dc')) return suffixes[0]!;
  return undefined;
}

function serviceOf(parts: readonly string[]): { readonly service: string; readonly tag: string } {
  if (isRfc2782(parts)) {
    const protocol = parts[1]!.slice(1);
    return { service: parts[0]!.slice(1), tag: protocol === 'tcp' ? '' : protocol };
  }
  return { service: parts.at(-1)!, tag: parts.slice(0, -1).join('.') };
}

function isRfc2782(parts: readonly string[]): boolean {
  return parts.length === 2 && parts[0]!.startsWith('_') && parts[1]!.startsWith('_');
}
