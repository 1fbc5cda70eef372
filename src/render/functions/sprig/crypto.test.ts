import assert from 'node:assert/strict';
import { X509Certificate, createPrivateKey } from 'node:crypto';
import { test } from 'node:test';
import { evaluateOffline } from '../../eval.ts';

function render(text: string): string {
  return evaluateOffline({ text, fixture: {} }).output;
}

test('certificates are signed by their authority and carry their names', () => {
  const [caText, text, key] = render(
    '{{$ca := sprig_genCAWithKey "my ca" 365 (sprig_genPrivateKey "ecdsa")}}' +
      '{{$c := sprig_genSignedCertWithKey "www.x" (sprig_list "10.0.0.1" "::1") (sprig_list "a.x" "b.x") 30 $ca ' +
      '(sprig_genPrivateKey "ed25519")}}{{$ca.Cert}}@{{$c.Cert}}@{{$c.Key}}',
  ).split('@') as [string, string, string];
  const ca = new X509Certificate(caText);
  const leaf = new X509Certificate(text);
  assert.equal(ca.ca, true);
  assert.equal(leaf.ca, false);
  assert.equal(leaf.subject, 'CN=www.x');
  assert.equal(leaf.issuer, 'CN=my ca');
  assert.equal(leaf.subjectAltName, 'DNS:a.x, DNS:b.x, IP Address:10.0.0.1, IP Address:0:0:0:0:0:0:0:1');
  assert.ok(leaf.verify(ca.publicKey) && leaf.checkIssued(ca) && ca.verify(ca.publicKey));
  assert.ok(leaf.checkPrivateKey(createPrivateKey(key)));
  const days = (Date.parse(leaf.validTo) - Date.parse(leaf.validFrom)) / 86_400_000;
  assert.equal(days, 30);
});

test('an authority made of given texts signs too, and what is no key is refused', () => {
  const made = render(
    '{{$k := sprig_genPrivateKey "ecdsa"}}{{$a := sprig_genCAWithKey "r" 1 $k}}' +
      '{{$b := sprig_buildCustomCert (sprig_b64enc $a.Cert) (sprig_b64enc $a.Key)}}' +
      '{{eq $a.Cert $b.Cert}} {{(sprig_genSignedCertWithKey "x" nil nil 1 $b $k).Cert | len | lt 500}}',
  );
  assert.equal(made, 'true true');
  const rows: readonly (readonly [string, RegExp])[] = [
    ['{{sprig_genCAWithKey "x" 1 "no"}}', /parsing private key: no PEM data in input$/],
    ['{{sprig_genSelfSignedCert "x" (sprig_list "1.2") nil 1}}', /error parsing ip: 1\.2$/],
    ['{{sprig_genSelfSignedCert "x" nil (sprig_list 1) 1}}', /alternate dns name: 1 is not a string$/],
    ['{{sprig_buildCustomCert "?" "x"}}', /unable to decode base64 certificate$/],
    ['{{sprig_buildCustomCert "eA==" "eA=="}}', /unable to decode certificate$/],
  ];
  for (const [text, message] of rows) assert.throws(() => render(text), { message }, text);
});

test('what is sealed is opened with the same password', () => {
  assert.equal(render('{{sprig_decryptAES "k" (sprig_encryptAES "k" "héllo")}}'), 'héllo');
  assert.match(render('{{sprig_htpasswd "me" "pw"}}'), /^me:\$2a\$10\$[./A-Za-z0-9]{53}$/);
});

test('random ones stay in their bounds', () => {
  assert.match(render('{{range sprig_until 20}}{{sprig_randInt 3 5}}{{end}}'), /^[34]{20}$/);
  assert.equal(Array.from(render('{{sprig_shuffle "abcdef"}}')).sort().join(''), 'abcdef');
  assert.throws(() => render('{{sprig_randInt 5 5}}'), { message: /invalid argument to Intn$/ });
});

test('moments pass', () => {
  assert.match(render('{{sprig_ago (sprig_toDate "2006" "2020")}}'), /^\d+h\d+m\d+s$/);
  assert.match(render('{{sprig_durationRound (sprig_toDate "2006" "2020")}}'), /^\d+y$/);
});
