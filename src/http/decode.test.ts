import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeBody, duration, integer, list, mapOf, object, snakeCase, text } from './decode.ts';
import { HttpError } from './errors.ts';

const decode = object({
  Name: text,
  Port: integer,
  Tags: list(text),
  Meta: mapOf(text),
  TLSSkipVerify: integer,
  DeregisterCriticalServiceAfter: duration,
});

const read = (json: string): unknown => decodeBody(Buffer.from(json), decode);

test('field names match in any case and in snake_case', () => {
  assert.deepEqual(read('{"NAME":"a","port":1}'), { Name: 'a', Port: 1 });
  assert.deepEqual(read('{"deregister_critical_service_after":"90m","tls_skip_verify":3}'), {
    DeregisterCriticalServiceAfter: 5_400_000,
    TLSSkipVerify: 3,
  });
});

test('keys of maps are data and keep their case', () => {
  assert.deepEqual(read('{"Meta":{"Team":"x","team":"y"}}'), { Meta: { Team: 'x', team: 'y' } });
});

test('null is as good as absent', () => {
  assert.deepEqual(read('{"Name":null,"Tags":null}'), {});
  assert.deepEqual(read('null'), {});
});

test('durations are Go texts or nanoseconds', () => {
  const after = (json: string): unknown => read(`{"DeregisterCriticalServiceAfter":${json}}`);
  assert.deepEqual(after('"1.5s"'), { DeregisterCriticalServiceAfter: 1500 });
  assert.deepEqual(after('60000000000'), { DeregisterCriticalServiceAfter: 60_000 });
  assert.deepEqual(after('""'), { DeregisterCriticalServiceAfter: 0 });
});

test('refusals are 400 and follow one introduction', () => {
  const rows: [string, string | RegExp][] = [
    ['', 'Request decode failed: EOF'],
    ['not json', /^Request decode failed: ./],
    ['[]', 'Request decode failed: json: cannot unmarshal array into Go struct field . of type object'],
    ['{"Bogus":1}', 'Request decode failed: json: unknown field "Bogus"'],
    [
      '{"Port":"x"}',
      'Request decode failed: json: cannot unmarshal string into Go struct field .Port of type int',
    ],
    [
      '{"Port":1.5}',
      'Request decode failed: json: cannot unmarshal number 1.5 into Go struct field .Port of type int',
    ],
    ['{"Tags":"one"}', /^Request decode failed: json: cannot unmarshal string/],
    ['{"deregister_critical_service_after":"soon"}', 'Request decode failed: time: invalid duration "soon"'],
    ['{"DeregisterCriticalServiceAfter":"10"}', 'Request decode failed: time: missing unit in duration "10"'],
    [
      '{"DeregisterCriticalServiceAfter":"1d"}',
      'Request decode failed: time: unknown unit "d" in duration "1d"',
    ],
  ];
  for (const [json, want] of rows) {
    assert.throws(
      () => read(json),
      (error) => {
        assert.ok(error instanceof HttpError);
        assert.equal(error.status, 400);
        if (typeof want === 'string') assert.equal(error.message, want);
        else assert.match(error.message, want);
        return true;
      },
    );
  }
});

test('names of many words have one snake_case form', () => {
  const rows = {
    TLSSkipVerify: 'tls_skip_verify',
    GRPCUseTLS: 'grpc_use_tls',
    OSService: 'os_service',
    ID: 'id',
  };
  for (const [name, want] of Object.entries(rows)) assert.equal(snakeCase(name), want);
});
