/** What `portolan template init` prints, in real programs: loaded, and reloaded under traffic without a failed request. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { evaluateOffline } from '../../src/render/eval.ts';
import { readyMade, stanzaOf, templateOf } from '../../src/render/init/init.ts';
import { freePorts, freeTcpPort, type RunningAgent, startAgent, until } from './agent.testkit.ts';
import { scratchFolder } from './command.testkit.ts';
import { missingProgram, type Program, prepare, programs, Running } from './programs.testkit.ts';
import { get, type Outcome, Traffic } from './traffic.testkit.ts';

const proxies = ['nginx', 'haproxy', 'caddy', 'apache', 'varnish'];
const host = 'web.localhost';

/** A server that answers with its name, and /metrics. */
class Backend {
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly #server: Server;

  private constructor(name: string, address: string, port: number, server: Server) {
    this.name = name;
    this.address = address;
    this.port = port;
    this.#server = server;
  }

  static async open(t: TestContext, name: string, address = '127.0.0.1'): Promise<Backend> {
    const server = createServer((request, response) => {
      response.setHeader('Cache-Control', 'no-store');
      response.end(request.url === '/metrics' ? 'answers 1\n' : `${name}\n`);
    });
    // Idle connections of proxies stay open for longer than the test.
    server.keepAliveTimeout = 60_000;
    server.listen(0, address);
    await once(server, 'listening');
    const bound = server.address();
    const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
    const backend = new Backend(name, address, port, server);
    t.after(() => backend.close());
    return backend;
  }

  close(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}

/** An agent with the shipped stanzas of all programs, and the programs. */
class Stage {
  readonly agent: RunningAgent;
  readonly running: readonly Running[];
  readonly hostsFile: string;

  constructor(agent: RunningAgent, running: readonly Running[], hostsFile: string) {
    this.agent = agent;
    this.running = running;
    this.hostsFile = hostsFile;
  }

  program(name: string): Program {
    return this.running.find(({ program }) => program.name === name)!.program;
  }

  log(): string {
    const logs = this.running.map((one) => `--- ${one.program.name}\n${one.log()}`);
    return [this.agent.log(), ...logs].join('\n');
  }

  async put(path: string, body: unknown = ''): Promise<void> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(this.agent.url + path, { method: 'PUT', body: text });
    assert.equal(response.status, 200, `${path}: ${await response.text()}`);
  }

  register({ name: ID, address: Address, port: Port }: Backend, more: object = {}): Promise<void> {
    const Tags = ['http', 'metrics'];
    return this.put('/v1/agent/service/register', { Name: 'web', ID, Address, Port, Tags, ...more });
  }

  /** Waits until every proxy answers from exactly these for a while. */
  async serves(names: readonly string[], site = host): Promise<void> {
    const want = [...names].sort().join(' ');
    await Promise.all(
      proxies.map(async (name) => {
        let seen = '';
        await until(
          async () => {
            const answers = await Promise.all(
              Array.from({ length: 10 * names.length }, () => get(this.program(name).port, 3000, site)),
            );
            seen = [...new Set(answers.map(({ result, body }) => (result === 'ok' ? body : result)))]
              .sort()
              .join(' ');
            return seen === want || undefined;
          },
          10_000,
          () => `${name} answers from "${seen}", not from "${want}"\n${this.log()}`,
        );
      }),
    );
  }

  /** Waits until Prometheus scrapes exactly these, with success. */
  async scrapes(backends: readonly Backend[]): Promise<void> {
    const address = ({ address: at, port }: Backend): string =>
      at.includes(':') ? `[${at}]:${port}` : `${at}:${port}`;
    const want = backends
      .map((backend) => `${backend.name} up ${address(backend)}`)
      .sort()
      .join(', ');
    let seen = '';
    await until(
      async () => {
        const url = `http://127.0.0.1:${this.program('prometheus').port}/api/v1/targets?state=active`;
        const { data } = (await (await fetch(url)).json()) as {
          data: { activeTargets: { health: string; labels: { instance: string; service_id: string } }[] };
        };
        const targets = data.activeTargets.map(
          ({ health, labels }) => `${labels.service_id} ${health} ${labels.instance}`,
        );
        seen = targets.sort().join(', ');
        return seen === want || undefined;
      },
      15_000,
      () => `Prometheus scrapes ${seen}, not ${want}\n${this.log()}`,
    );
  }

  /** Addresses that the hosts file has for a name. */
  addresses(name: string): readonly string[] {
    const lines = readFileSync(this.hostsFile, 'utf8').split('\n');
    return lines
      .map((line) => line.replace(/#.*/, '').trim().split(/\s+/))
      .filter(([, ...names]) => names.includes(name))
      .map(([address]) => address ?? '');
  }
}

async function openStage(t: TestContext): Promise<Stage> {
  const folder = scratchFolder(t);
  // As in /etc: varnishd and Apache read as other users.
  chmodSync(folder, 0o755);
  const prepared: Program[] = [];
  for (const name of Object.keys(programs))
    prepared.push(prepare(name, join(folder, name), await freeTcpPort()));
  const hostsFile = join(folder, 'hosts');
  const kv = Object.assign({}, ...prepared.map((one) => one.kv)) as Record<string, string>;
  const running: Running[] = [];
  t.after(() => Promise.all(running.map((one) => one.close())));
  const hosts = {
    name: 'hosts',
    destination: hostsFile,
    edits: [['/etc/hosts.portolan', hostsFile]] as const,
  };
  const configs = [...prepared, hosts].map((one) => writeConfig(folder, one, kv));
  for (const one of prepared) running.push(await Running.start(one));
  // Settings are there before the templates: what they render first is what the programs have.
  const dataDir = join(folder, 'data');
  const ports = await freePorts();
  const first = await startAgent({ dataDir, ports });
  for (const [key, value] of Object.entries(kv))
    await fetch(`${first.url}/v1/kv/${key}`, { method: 'PUT', body: value });
  await first.stop();
  const agent = await startAgent({ dataDir, ports, args: configs.map((path) => `-config-file=${path}`) });
  t.after(() => agent.stop());
  return new Stage(agent, running, hostsFile);
}

/** The shipped template and stanza, the latter with the paths of the test; and the file as of an empty catalog. */
function writeConfig(
  folder: string,
  { name, destination, edits }: Pick<Program, 'name' | 'destination' | 'edits'>,
  kv: Readonly<Record<string, string>>,
): string {
  const one = readyMade.find((known) => known.name === name)!;
  mkdirSync(join(folder, 'templates'), { recursive: true });
  const source = join(folder, 'templates', `${name}.ctmpl`);
  const text = templateOf(one, source);
  writeFileSync(source, text);
  writeFileSync(destination, evaluateOffline({ text, fixture: { catalog: {}, kv } }).output);
  let stanza = stanzaOf(one, source);
  for (const [from, to] of edits) {
    assert.ok(stanza.includes(from), `${name}: the stanza has no ${from}`);
    stanza = stanza.replaceAll(from, to);
  }
  const config = join(folder, 'templates', `${name}.hcl`);
  writeFileSync(config, stanza);
  return config;
}

/** What a program itself loses, whatever its configuration says; docs/templates.md tells of it. */
const excuses: Readonly<Record<string, (one: Outcome, diedMs: number) => boolean>> = {
  // A reload of 2.6 closes a listener with the connections that the kernel had queued for it.
  caddy: ({ result }) => result === 'ECONNRESET',
  // What it has sent to an instance it sends to no other.
  apache: ({ result, beganMs, endedMs }, diedMs) =>
    result === 'status 502' && beganMs <= diedMs + 20 && endedMs >= diedMs,
};

const binaries = ['nginx', 'haproxy', 'apache2', 'varnishd'].map((name) => `/usr/sbin/${name}`);
const lacking = missingProgram([...binaries, '/usr/bin/caddy', '/usr/bin/prometheus']);
const skip = lacking ?? (process.getuid?.() === 0 ? false : 'needs root');

test('real proxies follow a service from no instance to some and back, and lose no request', {
  skip,
}, async (t) => {
  const stage = await openStage(t);
  const [a, b, c, shop] = [
    await Backend.open(t, 'a'),
    await Backend.open(t, 'b'),
    await Backend.open(t, 'c', '::1'),
    await Backend.open(t, 'shop'),
  ] as const;
  await stage.serves(['status 503']);

  await stage.register(a);
  await stage.register(b);
  await stage.serves(['a', 'b']);
  const traffic = proxies.map((name) => new Traffic(stage.program(name).port, 2, host));
  t.after(() => Promise.all(traffic.map((one) => one.stop())));

  await stage.register(c);
  await stage.serves(['a', 'b', 'c']);
  await stage.scrapes([a, b, c]);
  assert.deepEqual(stage.addresses('web.service.consul'), ['127.0.0.1', '::1']);

  await stage.put('/v1/agent/service/maintenance/b?enable=true');
  await stage.serves(['a', 'c']);
  await stage.scrapes([a, c]);

  await stage.put('/v1/agent/service/maintenance/b?enable=false');
  await stage.put('/v1/agent/service/deregister/a');
  await stage.serves(['b', 'c']);
  // What an old worker still sends to it has come to its end by now.
  await delay(300);
  a.close();

  await stage.register(b, { Weights: { Passing: 5, Warning: 1 } });
  const api = { Name: 'shop', Meta: { host: 'Shop.example' } };
  await stage.register(shop, api);
  await stage.serves(['shop'], 'shop.example');
  await stage.serves(['b', 'c']);
  await stage.scrapes([b, c, shop]);

  // One dies without a word: its requests go to the other.
  const diedMs = Date.now();
  c.close();
  await delay(500);
  await Promise.all(traffic.map((one) => one.stop()));
  for (const [i, name] of proxies.entries()) {
    const { outcomes } = traffic[i]!;
    const failures = traffic[i]!.failures();
    const lost = failures.filter((one) => excuses[name]?.(one, diedMs) !== true);
    const shown = JSON.stringify(lost.slice(0, 5));
    assert.equal(shown, '[]', `${name}: ${shown} of ${outcomes.length}\n${stage.log()}`);
    assert.ok(failures.length <= outcomes.length / 200, `${name}: ${failures.length} of ${outcomes.length}`);
    assert.ok(outcomes.length > 200, `${name}: only ${outcomes.length} requests`);
    t.diagnostic(`${name}: ${outcomes.length} requests`);
  }

  for (const id of ['b', 'c', 'shop']) await stage.put(`/v1/agent/service/deregister/${id}`);
  await stage.serves(['status 503']);
  await stage.serves(['status 503'], 'shop.example');
  await stage.scrapes([]);
  assert.deepEqual(stage.addresses('web.service.consul'), []);
  assert.doesNotMatch(stage.agent.log(), /command failed|check refused|template failed/);
});
