import { KvError } from './errors.ts';

/** A session's id in lower case. Throws KvError `session` for what is none, with Consul's text. */
export function sessionId(text: string): string {
  const problem = idProblem(text);
  if (problem !== undefined) throw new KvError('session', `failed session lookup: index error: ${problem}`);
  return text.toLowerCase();
}

function idProblem(text: string): string | undefined {
  if (Buffer.byteLength(text) !== 36) return 'UUID must be 36 characters';
  const hyphens = text.split('-').length - 1;
  if (hyphens > 4) return `UUID should have maximum of 4 "-"; got ${hyphens}`;
  const digits = text.replaceAll('-', '');
  if (digits.length % 2 !== 0) return 'UUID (without hyphens) must be even length';
  const odd = /[^0-9a-f]/i.exec(digits)?.[0];
  if (odd === undefined) return undefined;
  const point = odd.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0');
  return `Invalid UUID: encoding/hex: invalid byte: U+${point} ${JSON.stringify(odd).replaceAll('"', "'")}`;
}
