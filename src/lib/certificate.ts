/** Issuing X.509 certificates as Go's x509.CreateCertificate does. */
import { X509Certificate, createHash, createPublicKey, randomBytes, sign } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import * as der from './der.ts';

export interface CertificateRequest {
  readonly commonName: string;
  readonly dnsNames: readonly string[];
  /** Bytes of addresses: 4 or 16. */
  readonly ips: readonly Uint8Array[];
  readonly notBefore: Date;
  readonly notAfter: Date;
  readonly isCa: boolean;
  /** The holder's private key: its public half is certified. */
  readonly key: KeyObject;
}

export interface Issuer {
  /** Its certificate in PEM. */
  readonly certificate: string;
  readonly key: KeyObject;
}

const oids = {
  commonName: '2.5.4.3',
  subjectKeyId: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  basicConstraints: '2.5.29.19',
  authorityKeyId: '2.5.29.35',
  extKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
  clientAuth: '1.3.6.1.5.5.7.3.2',
} as const;

/** In PEM. Without an issuer it signs itself. */
export function issueCertificate(request: CertificateRequest, issuer?: Issuer): string {
  const parent = issuer === undefined ? undefined : readParent(issuer.certificate);
  const subject = nameOf(request.commonName);
  const signingKey = issuer?.key ?? request.key;
  const algorithm = algorithmOf(signingKey);
  const publicKey = createPublicKey(request.key).export({ type: 'spki', format: 'der' });
  const body = der.sequence(
    der.context(0, der.integer(2n)),
    der.integer(BigInt(`0x${randomBytes(16).toString('hex')}`)),
    algorithm.identifier,
    parent?.subject ?? subject,
    der.sequence(der.time(request.notBefore), der.time(request.notAfter)),
    subject,
    publicKey,
    der.context(3, der.sequence(...extensions(request, publicKey, parent?.keyId))),
  );
  const signature = sign(algorithm.digest, body, signingKey);
  return pem('CERTIFICATE', der.sequence(body, algorithm.identifier, der.bitString(signature)));
}

export function pem(label: string, bytes: Uint8Array): string {
  const lines = Buffer.from(bytes)
    .toString('base64')
    .replace(/.{1,64}/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}-----END ${label}-----\n`;
}

function nameOf(commonName: string): Buffer {
  if (commonName === '') return der.sequence();
  return der.sequence(der.set(der.sequence(der.oid(oids.commonName), der.text(commonName))));
}

interface Algorithm {
  readonly identifier: Buffer;
  readonly digest: 'sha256' | 'sha384' | 'sha512' | null;
}

function algorithmOf(key: KeyObject): Algorithm {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return { identifier: der.sequence(der.oid('1.2.840.113549.1.1.11'), der.nothing()), digest: 'sha256' };
    case 'ec':
      return ecAlgorithm(key.asymmetricKeyDetails?.namedCurve);
    case 'ed25519':
      return { identifier: der.sequence(der.oid('1.3.101.112')), digest: null };
    default:
      throw new Error('x509: only RSA, ECDSA and Ed25519 keys supported');
  }
}

function ecAlgorithm(curve: string | undefined): Algorithm {
  if (curve === 'secp384r1')
    return { identifier: der.sequence(der.oid('1.2.840.10045.4.3.3')), digest: 'sha384' };
  if (curve === 'secp521r1')
    return { identifier: der.sequence(der.oid('1.2.840.10045.4.3.4')), digest: 'sha512' };
  return { identifier: der.sequence(der.oid('1.2.840.10045.4.3.2')), digest: 'sha256' };
}

function extensions(
  { isCa, dnsNames, ips }: CertificateRequest,
  publicKey: Buffer,
  parentKeyId: Buffer | undefined,
): readonly Buffer[] {
  // Digital signature and key encipherment; for an authority also the signing of certificates.
  const usage = isCa ? der.bitString(Buffer.of(0xa4), 2) : der.bitString(Buffer.of(0xa0), 5);
  const constraints = isCa ? der.sequence(der.boolean(true)) : der.sequence();
  const names = [
    ...dnsNames.map((name) => der.context(2, Buffer.from(name), false)),
    ...ips.map((ip) => der.context(7, ip, false)),
  ];
  return [
    extension(oids.keyUsage, usage, true),
    extension(oids.extKeyUsage, der.sequence(der.oid(oids.serverAuth), der.oid(oids.clientAuth))),
    extension(oids.basicConstraints, constraints, true),
    ...(isCa ? [extension(oids.subjectKeyId, der.octetString(keyIdOf(publicKey)))] : []),
    ...(parentKeyId === undefined
      ? []
      : [extension(oids.authorityKeyId, der.sequence(der.context(0, parentKeyId, false)))]),
    ...(names.length === 0 ? [] : [extension(oids.subjectAltName, der.sequence(...names))]),
  ];
}

function extension(id: string, value: Uint8Array, critical = false): Buffer {
  return der.sequence(der.oid(id), ...(critical ? [der.boolean(true)] : []), der.octetString(value));
}

// RFC 7093: the first 160 bits of the SHA-256 of the key's bits.
function keyIdOf(publicKey: Buffer): Buffer {
  const [outer] = der.readAll(publicKey);
  const bits = der.readAll(outer!.content)[1]!.content.subarray(1);
  return createHash('sha256').update(bits).digest().subarray(0, 20);
}

function readParent(text: string): { readonly subject: Buffer; readonly keyId: Buffer | undefined } {
  const [certificate] = der.readAll(Buffer.from(new X509Certificate(text).raw));
  const [body] = der.readAll(certificate!.content);
  const fields = der.readAll(body!.content);
  // Version 1 has no version field.
  const first = fields[0]?.tag === 0xa0 ? 1 : 0;
  const found = fields.find(({ tag }) => tag === 0xa3);
  const rows = found === undefined ? [] : der.readAll(der.readAll(found.content)[0]!.content);
  const wanted = der.oid(oids.subjectKeyId);
  const keyId = rows
    .map(({ content }) => der.readAll(content))
    .find(([id]) => id?.whole.equals(wanted) === true)
    ?.at(-1);
  return {
    subject: fields[first + 4]!.whole,
    keyId: keyId === undefined ? undefined : der.readAll(keyId.content)[0]!.content,
  };
}
