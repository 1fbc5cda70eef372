/** sprig's certificates: each call makes new ones, so that a template's output changes with every evaluation. */
import { X509Certificate } from 'node:crypto';
import type { KeyObject } from 'node:crypto';
import { issueCertificate } from '../../../lib/certificate.ts';
import { decodeBase64 } from '../../../lib/go-base64.ts';
import { parseIp } from '../../../lib/ip.ts';
import { defineFunction, defineStruct } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import { printText } from '../../../template/print.ts';
import { fromBytes, toBytes } from '../../../template/text.ts';
import { Struct } from '../../../template/values.ts';
import type { Slice, Value } from '../../../template/values.ts';
import { numberOf } from './cast.ts';
import { generateKey, keyText, newRsaKey, parseKey } from './keys.ts';

interface Pair {
  readonly cert: string;
  readonly key: string;
}

const pair = defineStruct<Pair>({
  name: 'sprig.certificate',
  fields: {
    Cert: { type: 'string', get: ({ cert }) => cert },
    Key: { type: 'string', get: ({ key }) => key },
  },
});

const rsaBits = 2048;
const dayMs = 86_400_000;
const list = '[]any';

/** `nowMs`: the wall clock, from which certificates are valid. */
export function certificateFunctions(nowMs: () => number): readonly GoFunction[] {
  const issue = (names: Names, days: number, key: KeyObject, ca?: Pair): Struct => {
    const now = nowMs();
    const request = {
      ...names,
      isCa: names.isCa === true,
      key,
      notBefore: new Date(now),
      notAfter: new Date(now + days * dayMs),
    };
    const cert = issueCertificate(request, ca === undefined ? undefined : issuerOf(ca));
    return new Struct(pair, { cert, key: keyText(key) }, false);
  };
  return [
    defineFunction('genPrivateKey', { params: ['string'], result: 'string' }, generateKey),
    defineFunction('buildCustomCert', { params: ['string', 'string'], result: pair }, buildCustom),
    defineFunction('genCA', { params: ['string', 'int'], result: pair }, (name, days) =>
      issue(authority(name), numberOf(days), newRsaKey(rsaBits)),
    ),
    defineFunction('genCAWithKey', { params: ['string', 'int', 'string'], result: pair }, (name, days, key) =>
      issue(authority(name), numberOf(days), givenKey(key)),
    ),
    defineFunction(
      'genSelfSignedCert',
      { params: ['string', list, list, 'int'], result: pair },
      (name, ips, dns, days) => issue(namesOf(name, ips, dns), numberOf(days), newRsaKey(rsaBits)),
    ),
    defineFunction(
      'genSelfSignedCertWithKey',
      { params: ['string', list, list, 'int', 'string'], result: pair },
      (name, ips, dns, days, key) => issue(namesOf(name, ips, dns), numberOf(days), givenKey(key)),
    ),
    defineFunction(
      'genSignedCert',
      { params: ['string', list, list, 'int', pair], result: pair },
      (name, ips, dns, days, ca) =>
        issue(namesOf(name, ips, dns), numberOf(days), newRsaKey(rsaBits), pairOf(ca)),
    ),
    defineFunction(
      'genSignedCertWithKey',
      { params: ['string', list, list, 'int', pair, 'string'], result: pair },
      (name, ips, dns, days, ca, key) =>
        issue(namesOf(name, ips, dns), numberOf(days), givenKey(key), pairOf(ca)),
    ),
  ];
}

interface Names {
  readonly commonName: string;
  readonly ips: readonly Uint8Array[];
  readonly dnsNames: readonly string[];
  readonly isCa?: boolean;
}

function authority(commonName: string): Names {
  return { commonName, ips: [], dnsNames: [], isCa: true };
}

function namesOf(commonName: string, ips: Slice, dns: Slice): Names {
  return { commonName, ips: ips.items.map(ipOf), dnsNames: dns.items.map(dnsName) };
}

function ipOf(value: Value): Uint8Array {
  if (typeof value !== 'string') throw new Error(`error parsing ip: ${shown(value)} is not a string`);
  const ip = parseIp(value);
  if (ip === undefined) throw new Error(`error parsing ip: ${value}`);
  return ip;
}

function dnsName(value: Value): string {
  if (typeof value === 'string') return value;
  throw new Error(`error processing alternate dns name: ${shown(value)} is not a string`);
}

function shown(value: Value): string {
  return value === null || value === undefined ? '<nil>' : printText(value);
}

function givenKey(text: string): KeyObject {
  try {
    return parseKey(text);
  } catch (error) {
    throw new Error(`parsing private key: ${(error as Error).message}`, { cause: error });
  }
}

function pairOf(value: Value): Pair {
  return (value as Struct).source as Pair;
}

function issuerOf({ cert, key }: Pair): { readonly certificate: string; readonly key: KeyObject } {
  checkCertificate(cert, 'decodedSignerCert.Bytes');
  try {
    return { certificate: cert, key: parseKey(key) };
  } catch (error) {
    throw new Error(`error parsing private key: ${(error as Error).message}`, { cause: error });
  }
}

function checkCertificate(text: string, what: string): void {
  if (!/-----BEGIN [^-]*-----[^]*-----END/.test(text)) throw new Error('unable to decode certificate');
  try {
    new X509Certificate(text);
  } catch (error) {
    throw new Error(`error parsing certificate: ${what}: ${(error as Error).message}`, { cause: error });
  }
}

function buildCustom(cert64: string, key64: string): Struct {
  const cert = decoded(cert64, 'certificate');
  const key = decoded(key64, 'private key');
  checkCertificate(cert, 'decodedCert.Bytes');
  try {
    parseKey(key);
  } catch (error) {
    throw new Error(`error parsing private key: ${(error as Error).message}`, { cause: error });
  }
  return new Struct(pair, { cert, key }, false);
}

function decoded(text: string, what: string): string {
  try {
    return fromBytes(decodeBase64(toBytes(text)));
  } catch (error) {
    throw new Error(`unable to decode base64 ${what}`, { cause: error });
  }
}
