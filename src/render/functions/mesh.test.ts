import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Evaluator } from '../evaluator.ts';
import type { Evaluation } from '../evaluator.ts';

const answers: Readonly<Record<string, unknown>> = {
  '/v1/agent/connect/ca/roots': {
    Roots: [{ ID: 'r1', Name: 'root', RootCert: 'PEM', Active: true, CreateIndex: 5, ModifyIndex: 6 }],
  },
  '/v1/agent/connect/ca/leaf/web': { SerialNumber: '01', Service: 'web', ValidAfter: '2024-01-02T03:04:05Z' },
  '/v1/partitions': [{ Name: 'b' }, { Name: 'a', Description: 'd' }],
  '/v1/peerings': [
    {
      Name: 'p2',
      State: 'ACTIVE',
      StreamStatus: { ImportedServices: ['x'], LastSend: '2024-01-02T03:04:05Z' },
    },
    { Name: 'p1', State: 'ACTIVE', Meta: { k: 'v' }, Remote: { Datacenter: 'dc2' } },
  ],
  '/v1/exported-services': [{ Service: 'web', Partition: 'p', Consumers: { Peers: ['east'] } }],
  '/v1/imported-services': { ImportedServices: [{ Service: 's', Namespace: 'n', SourcePartition: 'q' }] },
};

function evaluate(text: string, known = answers): Evaluation {
  const evaluator = new Evaluator({
    name: 't',
    text,
    leftDelimiter: '',
    rightDelimiter: '',
    missingKey: 'zero',
    functionDenylist: [],
    sandboxPath: '',
    environment: {},
  });
  return evaluator.evaluate({
    lookup: (dependency) => {
      const isDocument = dependency.kind === 'query' && dependency.query.type === 'document';
      const path = isDocument ? (dependency.query as { readonly path: string }).path : '';
      return Object.hasOwn(known, path) ? { data: known[path] } : undefined;
    },
    environment: () => undefined,
    wallMs: () => 0,
  });
}

const outputs: readonly (readonly [string, string, string])[] = [
  [
    '{{range caRoots}}{{.Name}} {{.RootCertPEM}} {{.Active}} {{.ModifyIndex}}{{end}}',
    'root PEM true 6',
    'connect.caroots',
  ],
  ['{{with caLeaf "web"}}{{.Service}} {{.ValidAfter.Unix}}{{end}}', 'web 1704164645', 'connect.caleaf(web)'],
  ['{{range partitions}}{{.Name}}{{.Description}};{{end}}', 'ad;b;', 'list.partitions'],
  [
    '{{range peerings}}{{.Name}} {{.Meta.k}} {{.Remote.Datacenter}} {{.StreamStatus.ImportedServices}}' +
      '{{with .StreamStatus.LastSend}} {{.Year}}{{end}};{{end}}',
    'p1 v dc2 [];p2   [x] 2024;',
    'list.peerings',
  ],
  ['{{range peerings "?partition=p"}}{{.Name}}{{end}}', 'p1p2', 'list.peerings?partition=p'],
  [
    '{{range exportedServices}}{{.Service}} [{{.Partition}}] {{.Consumers.Peers}}{{end}}',
    'web [] [east]',
    'list.exportedServices',
  ],
  [
    '{{range importedServices "p"}}{{.Service}} {{.SourcePartition}}{{end}}',
    's q',
    'list.importedServices(p)',
  ],
];

test('what another Consul says is there by field', () => {
  for (const [text, output, id] of outputs) {
    const { used, missing, result } = evaluate(text);
    assert.deepEqual(result, { output }, text);
    assert.deepEqual([used.map((dependency) => dependency.id), missing], [[id], []], text);
  }
});

test('without an answer yet there is nothing, and it is waited for', () => {
  for (const [text, , id] of outputs) {
    const { missing, result } = evaluate(text, {});
    assert.deepEqual(result, { output: '' }, text);
    assert.deepEqual(
      missing.map((dependency) => dependency.id),
      [id],
    );
  }
});

test('connect asks for instances of the mesh', () => {
  const [dependency] = evaluate('{{connect "a.web@dc1|any"}}', {}).used;
  assert.equal(dependency?.id, 'health.connect(a.web@dc1|any)');
  assert.ok(dependency.kind === 'query' && dependency.query.type === 'service' && dependency.query.connect);
  const { result } = evaluate('{{connect "a b"}}');
  assert.match((result as { error: Error }).error.message, /health\.connect: invalid format: "a b"$/);
});
