import assert from 'node:assert/strict';
import { X509Certificate, generateKeyPairSync } from 'node:crypto';
import { test } from 'node:test';
import { issueCertificate } from './certificate.ts';

test('each kind of key signs certificates that verify', () => {
  const keys = [
    generateKeyPairSync('rsa', { modulusLength: 2048 }),
    generateKeyPairSync('ec', { namedCurve: 'P-256' }),
    generateKeyPairSync('ec', { namedCurve: 'P-384' }),
    generateKeyPairSync('ed25519'),
  ];
  for (const { privateKey } of keys) {
    const text = issueCertificate({
      commonName: 'sélf',
      dnsNames: [],
      ips: [],
      isCa: true,
      key: privateKey,
      notBefore: new Date(Date.UTC(2049, 0, 1)),
      notAfter: new Date(Date.UTC(2051, 0, 1)),
    });
    const certificate = new X509Certificate(text);
    assert.ok(certificate.verify(certificate.publicKey) && certificate.ca);
    assert.equal(certificate.subject, 'CN=sélf');
    assert.equal(certificate.validTo, 'Jan  1 00:00:00 2051 GMT');
  }
});
