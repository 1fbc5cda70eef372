import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allowed, Router } from './router.ts';
import { routes } from './routes.ts';

const router = new Router(routes);

test('every route is found at its own path, and by a name below it when it takes one', () => {
  for (const route of routes) {
    assert.equal(router.find(route.path)?.route, route, route.path);
    if (route.path.endsWith('/')) assert.equal(router.find(`${route.path}a/b//c`)?.tail, 'a/b//c');
  }
});

test('the longest prefix wins, and an exact path beats any prefix', () => {
  assert.equal(router.find('/v1/agent/service/register')?.route.path, '/v1/agent/service/register');
  assert.equal(router.find('/v1/agent/service/register2')?.tail, 'register2');
  assert.equal(router.find('/v1/agent/service/deregister/x')?.route.path, '/v1/agent/service/deregister/');
  assert.equal(router.find('/v1/agent/health/service/id/x/y')?.tail, 'x/y');
});

test('paths that belong to nobody are not found', () => {
  for (const path of [
    '/',
    '/v1/',
    '/v1',
    '/v1/kvx',
    '/v1/agent/',
    '/v1/catalog/services/x',
    '/v2/kv/x',
    '/golden',
  ]) {
    assert.equal(router.find(path), undefined, path);
  }
});

test('a prefix without its slash is known as such', () => {
  assert.ok(router.lacksSlash('/v1/kv'));
  assert.ok(router.lacksSlash('/v1/agent/service'));
  assert.ok(!router.lacksSlash('/v1/agent/services'));
  assert.ok(!router.lacksSlash('/v1/agent'));
});

test('Allow names OPTIONS and then the verbs in their order', () => {
  assert.equal(allowed(router.find('/v1/kv/x')!.route), 'OPTIONS,GET,PUT,DELETE');
});

test('a path that is listed twice is a mistake in the table', () => {
  assert.throws(() => new Router([routes[0]!, routes[0]!]), /listed twice/);
});
