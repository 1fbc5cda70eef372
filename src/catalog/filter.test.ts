import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';

import { aCheck, aNode, aService } from './catalog.testkit.ts';
import {
  checkServiceNodeSelectors,
  FilterError,
  nodeSelectors,
  parseFilter,
  serviceNodeSelectors,
} from './filter.ts';

const node = aNode('golden-1', {
  address: '198.51.100.47',
  meta: { env: 'prod', 'odd-key': 'x' },
  taggedAddresses: { lan: '198.51.100.47' },
});
const service = {
  ...aService('s1', 'web', {
    tags: ['red', 'v1'],
    port: 80,
    meta: { team: 'a', empty: '' },
    weights: { passing: 5, warning: 1 },
    taggedAddresses: { lan: { address: '10.0.0.1', port: 81 } },
  }),
  node,
};
const entry = {
  node,
  service,
  checks: [
    { ...aCheck('n'), node, serviceTags: [] },
    { ...aCheck('c', 's1', { status: 'critical' }), node, serviceTags: ['red'] },
  ],
};

const matched: readonly [expression: string, want: boolean][] = [
  ['', true],
  ['  ', true],
  ['Node == "golden-1"', true],
  ['Node=="golden-1"', true],
  ['Node != "golden-1"', false],
  ['(Node == "golden-1")', true],
  [' ( Node == "golden-1" and Datacenter == dc1 ) ', true],
  ['Datacenter == dc2', false],
  ['Node matches "^golden" and not Node matches `2$`', true],
  ['not not Node == x', false],
  ['Node contains "olde"', true],
  ['"olde" in Node', true],
  ['"x" not in Node', true],
  ['Node not contains "olde"', false],
  ['ServiceTags contains red', true],
  ['red in ServiceTags', true],
  ['"blue" not in ServiceTags', true],
  ['ServiceTags is empty', false],
  ['ServiceTags is not empty', true],
  ['ServicePort == 80', true],
  ['ServicePort == "0x50"', true],
  ['ServicePort == "0120"', true],
  ['ServicePort != 80', false],
  ['ServiceEnableTagOverride == false', true],
  ['ServiceEnableTagOverride == T', false],
  ['ServiceWeights.Passing == 5', true],
  ['ServiceMeta.team == a', true],
  ['ServiceMeta["team"] == `a`', true],
  ['NodeMeta[ "odd-key" ] == "x"', true],
  ['ServiceTaggedAddresses.lan.Port == 81', true],
  ['ServiceTaggedAddresses.wan.Port == 81', false],
  ['lan in ServiceTaggedAddresses', true],
  ['TaggedAddresses.lan == "198.51.100.47"', true],
  ['ServiceKind == ""', true],
  ['ServiceProxy.Mode == direct', false],
  ['ServiceConnect.Native == false', true],
  // A key that is not there.
  ['ServiceMeta.none == x', false],
  ['ServiceMeta.none != x', true],
  ['x in ServiceMeta.none', false],
  ['x not in ServiceMeta.none', true],
  ['ServiceMeta.none is empty', true],
  ['ServiceMeta.none is not empty', false],
  ['ServiceMeta.empty is empty', true],
  ['ServiceMeta.none matches x', true],
  ['ServiceMeta.none not matches x', true],
  ['team in ServiceMeta', true],
  ['none in ServiceMeta', false],
  // `and` binds closer than `or`.
  ['Node == x and Node == y or ServicePort == 80', true],
  ['Node == x and (Node == y or ServicePort == 80)', false],
  ['ServiceName == "w\\u0065b"', true],
  ['ServiceName == "w\\x65b" and ServiceName == "w\\145b"', true],
];
for (const [expression, want] of matched) {
  test(`${expression || '(empty)'} is ${want}`, () => {
    assert.equal(parseFilter(expression, serviceNodeSelectors, 'dc1')(service), want);
  });
}

const ofEntry: readonly [expression: string, want: boolean][] = [
  ['Checks.Status == critical', true],
  ['Checks.Status == warning', false],
  ['Checks.Status != critical', true],
  ['Checks.ServiceTags contains red', true],
  ['Checks is not empty', true],
  ['Service.Tags contains v1 and Node.Meta.env == prod', true],
  ['Service.Weights.Warning == 1', true],
];
for (const [expression, want] of ofEntry) {
  test(`${expression} of a service with its checks is ${want}`, () => {
    assert.equal(parseFilter(expression, checkServiceNodeSelectors)(entry), want);
  });
}

const wrong: readonly [expression: string, reason: string | RegExp][] = [
  ['Nope == "x"', 'Selector "Nope" is not valid'],
  ['node == "x"', 'Selector "node" is not valid'],
  ['CreateIndex == 1', 'Selector "CreateIndex" is not valid'],
  ['NodeMeta.a.b == "x"', 'Selector "NodeMeta.a.b" is not valid'],
  ['constructor == x', 'Selector "constructor" is not valid'],
  ['ServiceWeights == 1', 'Invalid match operator "Equal" for selector "ServiceWeights"'],
  ['ServiceTags == "x"', 'Invalid match operator "Equal" for selector "ServiceTags"'],
  ['ServiceAddress is empty', 'Invalid match operator "Is Empty" for selector "ServiceAddress"'],
  ['ServicePort is not empty', 'Invalid match operator "Is Not Empty" for selector "ServicePort"'],
  ['ServicePort matches "8.*"', 'Invalid match operator "Matches" for selector "ServicePort"'],
  [
    'ServicePort == "abc"',
    'Failed to coerce value "abc" for selector "ServicePort": strconv.ParseInt: parsing "abc": invalid syntax',
  ],
  [
    'ServicePort == 1.5',
    'Failed to coerce value "1.5" for selector "ServicePort": strconv.ParseInt: parsing "1.5": invalid syntax',
  ],
  [
    'ServicePort == 99999999999999999999',
    'Failed to coerce value "99999999999999999999" for selector "ServicePort": ' +
      'strconv.ParseInt: parsing "99999999999999999999": value out of range',
  ],
  [
    'ServiceEnableTagOverride == yes',
    'Failed to coerce value "yes" for selector "ServiceEnableTagOverride": ' +
      'strconv.ParseBool: parsing "yes": invalid syntax',
  ],
  [
    'ServiceName matches "["',
    'Failed to compile regular expression "[": error parsing regexp: missing closing ]: `[`',
  ],
  ['==', /^1:1 \(0\): no match found, expected: /],
  ['Node', /^1:5 \(4\): no match found, expected: /],
  ['Node = "x"', /^1:6 \(5\): no match found, expected: /],
  ['Node == ', /^1:9 \(8\): no match found, expected: /],
  ['(Node == "x"', /^1:13 \(12\): no match found, expected: /],
  ['Node == "x" xor Node == "y"', /^1:13 \(12\): no match found, expected: /],
  ['Node is sometimes', /^1:9 \(8\): no match found, expected: /],
  ['ServicePort in 8080', /^1:16 \(15\): no match found, expected: /],
  ['Node == golden-1', /^1:15 \(14\): no match found, expected: /],
  ['Node ==\n"é" x', /^2:5 \(13\): no match found, expected: /],
  ['"unterminated', /Unterminated string literal/],
  ['NodeMeta["a" == 1', /Unclosed index expression/],
  ['NodeMeta[a] == 1', /Invalid index/],
  ['Node == "\\q"', /invalid syntax/],
  [`${'('.repeat(600)}Node == x${')'.repeat(600)}`, /nested too deeply/],
];
for (const [expression, reason] of wrong) {
  test(`${expression.slice(0, 40)} is refused: ${reason}`, () => {
    assert.throws(
      () => parseFilter(expression, serviceNodeSelectors),
      (error) => {
        assert.ok(error instanceof FilterError);
        assert.equal(error.message, `Failed to create boolean expression evaluator: ${error.reason}`);
        if (typeof reason === 'string') assert.equal(error.reason, reason);
        else assert.match(error.reason, reason);
        return true;
      },
    );
  });
}

test('any text is a filter or a FilterError, quickly', () => {
  const word = fc.constantFrom(
    'Node',
    'Meta',
    '==',
    ' ',
    'and',
    'or',
    'not',
    '(',
    ')',
    '"',
    '`',
    '[',
    '.',
    'in',
    '\\',
    '1',
  );
  const text = fc.oneof(
    fc.string(),
    fc.array(word, { maxLength: 30 }).map((words) => words.join('')),
  );
  fc.assert(
    fc.property(text, (expression) => {
      try {
        parseFilter(expression, nodeSelectors)(node);
      } catch (error) {
        assert.ok(error instanceof FilterError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('deep groups do not take exponential time', () => {
  const expression = `${'('.repeat(200)}Node == x${')'.repeat(199)}`;
  const startedAt = performance.now();
  assert.throws(() => parseFilter(expression, nodeSelectors), FilterError);
  assert.ok(performance.now() - startedAt < 1000);
});
