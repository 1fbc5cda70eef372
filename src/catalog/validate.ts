import { isAnyAddress } from '../model/service-rules.ts';
import { CatalogError } from './errors.ts';

/** What Consul checks before a registration is tried, with its texts. Source: consul.md 1.2. */

export function invalid(message: string): CatalogError {
  return new CatalogError('invalid', message);
}

export function requireNode(name: string): void {
  if (name === '') throw invalid('Must provide node');
  requireText('node name', name);
}

/** A node's ID is a UUID in its usual form, or ''. */
export function requireUuid(id: string): void {
  if (id === '') return;
  if (Buffer.byteLength(id) !== 36) throw invalid('Bad node ID: uuid string is wrong length');
  if (id[8] !== '-' || id[13] !== '-' || id[18] !== '-' || id[23] !== '-') {
    throw invalid('Bad node ID: uuid is improperly formatted');
  }
  const bad = id.replaceAll('-', '').match(/[^0-9a-fA-F]/u);
  if (bad === null) return;
  const code = bad[0].codePointAt(0)!.toString(16).toUpperCase().padStart(4, '0');
  throw invalid(`Bad node ID: encoding/hex: invalid byte: U+${code} '${bad[0]}'`);
}

export function requireServiceAddress(address: string): void {
  if (isAnyAddress(address)) throw invalid('Invalid service address');
}

/** Names and ids become parts of keys, whose separator is NUL. */
export function requireText(what: string, text: string): void {
  if (text.includes('\0')) throw invalid(`Invalid ${what}: must not hold NUL characters`);
}
