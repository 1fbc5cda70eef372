/** Random writes of every kind that a Consul API knows, of a catalog and keys that are small enough to meet again. */
import type { Random } from '../chaos/random.testkit.ts';

type Body = object | string | undefined;
type Write = readonly [method: string, path: string, body?: Body];

/** Sends one; refusals are fine. Returns what it was. */
export async function writeSomething(url: string, random: Random, wrote: () => void): Promise<string> {
  const [method, path, body] = random.pick(writers)(random);
  const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
  const answer = await fetch(url + path, { method, ...(sent === undefined ? {} : { body: sent }) });
  await answer.arrayBuffer();
  wrote();
  return `${method} ${path} ${sent ?? ''} -> ${answer.status}`;
}

const tagSets = [[], [], ['x'], ['y', 'x'], ['z']];
const statuses = ['passing', 'passing', 'warning', 'critical'];
const keys = (random: Random): string =>
  `${random.pick(['a', 'a/b', 'a/b/c', 'c/d', 'c/d/e', 'f'])}/${random.below(4)}`;

function nodeOf(random: Random): string {
  return `n${random.below(4)}`;
}

function serviceOf(random: Random): Record<string, unknown> & { readonly ID: string } {
  return {
    ID: `i${random.below(5)}`,
    Service: random.pick(['s0', 's1', 's2', 's3', 's4', 's5', 's6', 's7']),
    Tags: random.pick(tagSets),
    Port: 1000 + random.below(3),
    Address: random.pick(['', '', '10.1.1.1']),
    Meta: random.pick([{}, { v: '1' }, { v: '2' }]),
    Weights: random.pick([
      { Passing: 1, Warning: 1 },
      { Passing: 5, Warning: 1 },
    ]),
  };
}

function checkOf(random: Random, ServiceID = ''): object {
  return {
    CheckID: ServiceID === '' ? random.pick(['nc', 'nd', '_node_maintenance']) : `c:${ServiceID}`,
    Name: random.pick(['one', 'two']),
    Status: random.pick(statuses),
    Output: random.pick(['', 'ok', 'no']),
    Notes: random.pick(['', 'n']),
    ServiceID,
  };
}

const register = (body: object): Write => ['PUT', '/v1/catalog/register', body];
const deregister = (body: object): Write => ['PUT', '/v1/catalog/deregister', body];

const writers: readonly ((random: Random) => Write)[] = [
  (random) =>
    register({ Node: nodeOf(random), SkipNodeUpdate: true, Address: '10.0.0.1', Service: serviceOf(random) }),
  (random) =>
    register({ Node: nodeOf(random), SkipNodeUpdate: true, Address: '10.0.0.1', Service: serviceOf(random) }),
  (random) => {
    const Service = serviceOf(random);
    const Checks = [checkOf(random, Service.ID)];
    return register({ Node: nodeOf(random), SkipNodeUpdate: true, Address: '10.0.0.1', Service, Checks });
  },
  (random) => {
    const Check = checkOf(random, `i${random.below(5)}`);
    return register({ Node: nodeOf(random), SkipNodeUpdate: true, Address: '10.0.0.1', Check });
  },
  (random) =>
    register({ Node: nodeOf(random), SkipNodeUpdate: true, Address: '10.0.0.1', Check: checkOf(random) }),
  (random) => {
    const Address = random.pick(['10.0.0.1', '10.0.0.2']);
    return register({ Node: nodeOf(random), Address, NodeMeta: random.pick([{}, { rack: '1' }]) });
  },
  (random) => deregister({ Node: nodeOf(random), ServiceID: `i${random.below(5)}` }),
  (random) =>
    deregister({ Node: nodeOf(random), CheckID: random.pick(['nc', 'nd', '_node_maintenance', 'c:i1']) }),
  (random) =>
    random.chance(0.3) ? deregister({ Node: nodeOf(random) }) : ['PUT', `/v1/kv/${keys(random)}`, 'x'],
  // Several of them at one index.
  (random) => {
    const ops = Array.from({ length: 3 }, () => {
      const Service = serviceOf(random);
      return { Service: { Verb: random.pick(['set', 'set', 'delete']), Node: nodeOf(random), Service } };
    });
    return ['PUT', '/v1/txn', ops];
  },
  (random) => {
    const Name = `own${random.below(2)}`;
    const Check = { TTL: '60s', Status: random.pick(statuses) };
    const Port = 2000 + random.below(3);
    return ['PUT', '/v1/agent/service/register', { Name, ID: `own${random.below(3)}`, Port, Check }];
  },
  (random) => ['PUT', `/v1/agent/service/deregister/own${random.below(3)}`],
  (random) => ['PUT', `/v1/agent/check/${random.pick(['pass', 'fail'])}/service:own${random.below(3)}`],
  (random) => [
    'PUT',
    `/v1/agent/service/maintenance/own${random.below(3)}?enable=${random.pick(['true', 'false'])}`,
  ],
  (random) => ['PUT', `/v1/kv/${keys(random)}?flags=${random.below(2)}`, random.pick(['', 'v1', 'v2', 'é'])],
  (random) => ['PUT', `/v1/kv/${keys(random)}`, random.pick(['w1', 'w2'])],
  (random) => ['DELETE', `/v1/kv/${keys(random)}`],
  (random) => ['DELETE', `/v1/kv/${random.pick(['a/b/', 'c/', 'f'])}?recurse`],
];
