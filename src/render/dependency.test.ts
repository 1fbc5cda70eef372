import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  keyDependency,
  nodeDependency,
  nodesDependency,
  prefixDependency,
  serviceDependency,
  servicesDependency,
} from './dependency.ts';

const services: readonly (readonly [string, string, object])[] = [
  ['web', 'health.service(web|passing)', { name: 'web', tag: '', filters: ['passing'] }],
  ['a.b.web', 'health.service(a.b.web|passing)', { name: 'web', tag: 'a.b' }],
  ['k=v:1.web-x', 'health.service(k=v:1.web-x|passing)', { name: 'web-x', tag: 'k=v:1' }],
  [
    'web@dc-1.x~_agent|warning,any',
    'health.service(web@dc-1.x~_agent|any,warning)',
    { dc: 'dc-1.x', near: '_agent' },
  ],
  ["'my.web'", "health.service('my.web'|passing)", { name: 'my.web', tag: '' }],
  ["v1.'my.web'@dc1|any", "health.service(v1.'my.web'@dc1|any)", { name: 'my.web', tag: 'v1', dc: 'dc1' }],
  ["'a tag'.web", "health.service('a tag'.web|passing)", { name: 'web', tag: 'a tag' }],
  ['web|,', 'health.service(web)', { filters: [] }],
  [
    'web?ns=n&partition=p@dc1',
    'health.service(web@dc1@partition=p@ns=n|passing)',
    { scope: { namespace: 'n', partition: 'p', peer: '', samenessGroup: '' } },
  ],
];

test('a service query string is cut into its parts and written canonically', () => {
  for (const [text, id, parts] of services) {
    const dependency = serviceDependency(text);
    assert.equal(dependency.id, id);
    assert.deepEqual({ ...dependency.query, ...parts }, dependency.query, text);
  }
});

test('the other query strings have their own parts', () => {
  assert.equal(servicesDependency('').id, 'catalog.services');
  assert.equal(servicesDependency('@dc1').id, 'catalog.services(@dc1)');
  assert.equal(nodesDependency('@dc1~n').id, 'catalog.nodes(@dc1~n)');
  assert.equal(nodeDependency('').id, 'catalog.node');
  assert.equal(nodeDependency('n.1@dc1').id, 'catalog.node(n.1@dc1)');
  assert.equal(keyDependency('/a b/c@dc1', { blocking: true }).id, 'kv.block(a b/c@dc1)');
  assert.equal(keyDependency('a?ns=x', { blocking: false }).id, 'kv.get(a@ns=x)');
  assert.equal(prefixDependency('p/').id, 'kv.list(p/)');
});

const refused: readonly (readonly [() => unknown, string])[] = [
  [() => serviceDependency("'a"), 'health.service: invalid format: "\'a"'],
  [() => serviceDependency("''"), 'health.service: invalid format: "\'\'"'],
  [() => serviceDependency('a b'), 'health.service: invalid format: "a b"'],
  [() => serviceDependency('web|bogus'), 'health.service: invalid filter: "bogus" in "web|bogus"'],
  [
    () => serviceDependency('web?peer=a&sameness-group=b'),
    'health.service: cannot specify both peer and sameness-group',
  ],
  [
    () => serviceDependency('web?x=1'),
    'health.service: invalid query parameter key "x" in query "x=1": supported keys: ns,partition,peer,sameness-group',
  ],
  [() => keyDependency('a@b@c', { blocking: true }), 'kv.get: invalid format: "a@b@c"'],
  [() => servicesDependency('x'), 'catalog.services: invalid format: "x"'],
  [() => nodesDependency('x'), 'catalog.nodes: invalid format: "x"'],
  [() => nodeDependency('a/b'), 'catalog.node: invalid format: "a/b"'],
];

test('a query string outside the grammar is refused whole', () => {
  for (const [parse, message] of refused) assert.throws(parse, { name: 'DependencyError', message });
});
