/** Private keys in PEM, in the forms that Go's tools write. */
import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { pem } from '../../../lib/certificate.ts';
import * as der from '../../../lib/der.ts';

/** `rsa` (4096 bits), `dsa`, `ecdsa` (P-256), `ed25519`; blocks while it is looked for. */
export function generateKey(type: string): string {
  switch (type) {
    case '':
    case 'rsa':
      return keyText(newRsaKey(4096));
    case 'dsa':
      return keyText(generateKeyPairSync('dsa', { modulusLength: 2048, divisorLength: 256 }).privateKey);
    case 'ecdsa':
      return keyText(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    case 'ed25519':
      return keyText(generateKeyPairSync('ed25519').privateKey);
    default:
      return `Unknown type ${type}`;
  }
}

export function newRsaKey(bits: number): KeyObject {
  return generateKeyPairSync('rsa', { modulusLength: bits }).privateKey;
}

export function keyText(key: KeyObject): string {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return key.export({ type: 'pkcs1', format: 'pem' }) as string;
    case 'ec':
      return key.export({ type: 'sec1', format: 'pem' }) as string;
    case 'dsa':
      return pem('DSA PRIVATE KEY', dsaKey(key));
    default:
      return key.export({ type: 'pkcs8', format: 'pem' }) as string;
  }
}

/** Throws with sprig's texts. */
export function parseKey(text: string): KeyObject {
  const label = /-----BEGIN ([^-]*)-----/.exec(text)?.[1];
  if (label === undefined) throw new Error('no PEM data in input');
  if (label !== 'PRIVATE KEY' && !label.endsWith(' PRIVATE KEY')) {
    throw new Error(`no private key data in PEM block of type ${label}`);
  }
  const kind = label.slice(0, -' PRIVATE KEY'.length);
  if (label !== 'PRIVATE KEY' && !['RSA', 'EC', 'DSA'].includes(kind)) {
    throw new Error(`invalid private key type ${label}`);
  }
  try {
    return createPrivateKey(text);
  } catch (error) {
    const reason = (error as Error).message;
    const what =
      kind === '' || label === 'PRIVATE KEY'
        ? 'decoding PEM as PKCS#8'
        : `parsing ${kind} private key from PEM`;
    throw new Error(`${what}: ${reason}`, { cause: error });
  }
}

// Version, P, Q, G, Y, X: they are spread over the standard forms of the two halves.
function dsaKey(key: KeyObject): Uint8Array {
  const [, algorithm, secret] = der.readAll(
    der.readAll(key.export({ type: 'pkcs8', format: 'der' }))[0]!.content,
  );
  const parameters = der.readAll(der.readAll(algorithm!.content)[1]!.content);
  const spki = der.readAll(createPublicKey(key).export({ type: 'spki', format: 'der' }))[0]!;
  const y = der.readAll(spki.content)[1]!.content.subarray(1);
  return der.sequence(der.integer(0n), ...parameters.map(({ whole }) => whole), y, secret!.content);
}
