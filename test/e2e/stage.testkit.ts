import assert from 'node:assert/strict';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import type { RunOptions } from '../docker/docker-api.testkit.ts';
import { TestDockerd } from '../docker/dockerd.testkit.ts';
import { freePorts, type Ports, type RunningAgent, startAgent } from './agent.testkit.ts';
import { TestNginx } from './nginx.testkit.ts';
import { processesNaming, Traces } from './traces.testkit.ts';
import { get } from './traffic.testkit.ts';
import { AgentViews, type Views } from './views.testkit.ts';

/** The service of every container. */
const service = 'web';
/** All views hold the truth within this, counted from Docker's answer. */
const limitMs = 1000;
/** And keep to it for so long. */
const calmMs = 150;
/** After a reload has been asked for, requests go by the new configuration after this. */
export const reloadGraceMs = 250;

const template = `upstream ${service} {
{{- range service "${service}" }}
  server {{ .Address }}:{{ .Port }}; # {{ .ID }}
{{- else }}
  server 127.0.0.1:9 down;
{{- end }}
}
`;

export interface StageOptions {
  /** Of its own in the agent. Default true. */
  readonly registrar?: boolean;
}

/** A whole host: dockerd, an agent with a data directory, nginx behind the agent's template; all of them real. */
export class Stage {
  readonly dockerd: TestDockerd;
  readonly nginx: TestNginx;
  readonly views: AgentViews;
  readonly #options: StageOptions;
  readonly #folder: string;
  readonly #ports: Ports;
  #agent: RunningAgent | undefined;
  readonly #traces: Traces;

  private constructor(
    options: StageOptions,
    folder: string,
    ports: Ports,
    parts: { dockerd: TestDockerd; nginx: TestNginx },
  ) {
    this.#options = options;
    this.#folder = folder;
    this.#ports = ports;
    this.dockerd = parts.dockerd;
    this.nginx = parts.nginx;
    this.views = new AgentViews(
      `http://127.0.0.1:${ports.http}`,
      ports.dns,
      service,
      parts.nginx.upstreamFile,
    );
    this.#traces = new Traces(parts.dockerd);
  }

  /** Why it can't be set up here, for a test's `skip`. */
  static missing(): string | undefined {
    return (
      TestDockerd.missing() ??
      TestNginx.missing() ??
      (existsSync('/usr/bin/dig') ? undefined : 'needs dig (apt: dnsutils)')
    );
  }

  static async open(options: StageOptions = {}): Promise<Stage> {
    const folder = mkdtempSync(join(tmpdir(), 'portolan-stage-'));
    let dockerd: TestDockerd | undefined;
    let nginx: TestNginx | undefined;
    try {
      dockerd = await TestDockerd.open();
      nginx = await TestNginx.open(join(folder, 'nginx'));
      const stage = new Stage(options, folder, await freePorts(), { dockerd, nginx });
      stage.#configure();
      await stage.startAgent();
      return stage;
    } catch (error) {
      await nginx?.close();
      await dockerd?.close();
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  get agent(): RunningAgent {
    if (this.#agent === undefined) throw new Error('the agent is not running');
    return this.#agent;
  }

  /** Resolves when the agent says that it is ready. */
  async startAgent(): Promise<void> {
    const { registrar = true } = this.#options;
    this.#agent = await startAgent({
      args: [`-config-file=${join(this.#folder, 'agent.hcl')}`],
      ports: this.#ports,
      dataDir: join(this.#folder, 'data'),
      ...(registrar ? { dockerSocket: this.dockerd.socketPath } : {}),
    });
  }

  async killAgent(): Promise<void> {
    await this.agent.stop('SIGKILL');
    this.#agent = undefined;
  }

  /** Creates and starts a container of the service, which answers requests with the first part of its id. */
  run(name: string, more: Partial<RunOptions> = {}): Promise<string> {
    return this.dockerd.api.run({
      name,
      labels: { SERVICE_NAME: service },
      command: ['sh', '-c', 'echo $HOSTNAME > /www/index.html; exec httpd -f -p 80 -h /www'],
      ...more,
    });
  }

  runMany(count: number): Promise<readonly string[]> {
    return Promise.all(Array.from({ length: count }, (_, i) => this.run(`c${i}`)));
  }

  /**
   * Waits until catalog, DNS and file hold exactly what Docker says, and do so for a while; at most a second after
   * `sinceMs` (of performance.now(), by default now). Answers how long it took, and prints it.
   */
  async converges(
    what: string,
    want: { count: number; passing?: number },
    sinceMs?: number,
  ): Promise<number> {
    const since = sinceMs ?? performance.now();
    let truth: Truth | undefined;
    const asked = this.truth().then((found) => (truth = found));
    let last: Views | undefined;
    let heldSince: number | undefined;
    const seen: { readonly at: number; readonly views: Views }[] = [];
    for (;;) {
      last = await this.views.look();
      seen.push({ at: performance.now(), views: last });
      if (truth !== undefined) {
        const views = viewsOf(truth);
        for (const { at, views: found } of seen.splice(0)) {
          heldSince = isEqual(found, views) ? (heldSince ?? at) : undefined;
        }
        const now = performance.now();
        if (heldSince !== undefined && now - heldSince >= calmMs) break;
        if (now - since > limitMs + calmMs) {
          assert.deepEqual(last, views, `${what}: not the truth ${limitMs} ms after Docker's answer`);
        }
      }
      await delay(3);
    }
    await asked;
    const took = heldSince - since;
    assert.deepEqual(await this.truth(), truth, `${what}: the truth moved by itself`);
    assert.equal(truth!.catalog.length, want.count, `${what}: containers with a service`);
    assert.equal(truth!.passing.length, want.passing ?? want.count, `${what}: containers that pass`);
    assert.deepEqual(await this.views.dig(), truth!.ports, `${what}: dig`);
    await this.#servesTruth(what, truth!);
    await this.#traces.note();
    console.log(`${what.padEnd(64)} ${took.toFixed(0).padStart(5)} ms`);
    assert.ok(took <= limitMs, `${what}: took ${took.toFixed(0)} ms`);
    return took;
  }

  /** Rows that Docker's inspect calls for. */
  async truth(): Promise<Truth> {
    const { api } = this.dockerd;
    const list = (await api.call('GET', '/containers/json?all=1')) as { readonly Id: string }[];
    const found = await Promise.all(
      list.map(({ Id }) => api.call('GET', `/containers/${Id}/json`).catch(() => undefined)),
    );
    const rows = (found as (Inspected | undefined)[]).flatMap(placeOf);
    const passing = rows.filter(({ isPassing }) => isPassing);
    return {
      catalog: rows.map(({ row }) => row).sort(),
      passing: passing.map(({ row }) => row).sort(),
      ports: passing.map(({ port }) => port).sort((a, b) => a - b),
      hostnames: passing.map(({ hostname }) => hostname).sort(),
    };
  }

  /** Removes all containers. */
  async clear(): Promise<void> {
    await this.dockerd.api.clear();
    await this.converges('  (all removed)', { count: 0 });
  }

  /** Times that the agent of now has replaced the file. */
  renders(): number {
    return this.agent.log().split('file replaced').length - 1;
  }

  async isRendered(): Promise<boolean> {
    const { passing } = await this.truth();
    return isEqual((await this.views.look()).file, passing);
  }

  /** When the last reload was done, if there was one for each rendering since `before`. */
  reloadedSince(before: { readonly renders: number; readonly reloads: number }): number | undefined {
    const reloads = this.nginx.reloads().slice(before.reloads);
    return reloads.length === this.renders() - before.renders ? reloads.at(-1) : undefined;
  }

  /** Ends everything; throws when something is left of it. */
  async close(): Promise<void> {
    await this.#traces.note();
    const pids = [this.#agent?.pid, this.nginx.pid].filter((pid) => pid !== undefined);
    await this.views.close();
    await this.#agent?.stop();
    await this.nginx.close();
    await this.dockerd.close();
    rmSync(this.#folder, { recursive: true, force: true });
    const left = [
      ...this.#traces.left(),
      ...pids.filter((pid) => existsSync(`/proc/${pid}`)).map((pid) => `process ${pid}`),
      ...processesNaming(this.#folder),
    ];
    assert.deepEqual(left, [], 'nothing is left behind');
  }

  #configure(): void {
    const at = (name: string): string => join(this.#folder, name);
    mkdirSync(at('data'), { recursive: true });
    writeFileSync(at('upstream.ctmpl'), template);
    writeFileSync(
      at('agent.hcl'),
      `template {
  source      = "${at('upstream.ctmpl')}"
  destination = "${this.nginx.upstreamFile}"
  check       = "${this.nginx.checkCommand}"
  command     = "${this.nginx.reloadCommand}"
}
`,
    );
  }

  /** nginx asks each server in turn: as many requests as there are servers meet every one. */
  async #servesTruth(what: string, { hostnames }: Truth): Promise<void> {
    const end = performance.now() + reloadGraceMs + limitMs;
    for (;;) {
      const answers = await Promise.all(hostnames.map(() => get(this.nginx.port)));
      const met = answers.map(({ result, body }) => (result === 'ok' ? body : result)).sort();
      if (isEqual(met, hostnames)) return;
      if (performance.now() > end) assert.deepEqual(met, hostnames, `${what}: who answers behind nginx`);
      await delay(20);
    }
  }
}

interface Truth {
  readonly catalog: readonly string[];
  readonly passing: readonly string[];
  /** Of those that pass. */
  readonly ports: readonly number[];
  readonly hostnames: readonly string[];
}

interface Inspected {
  readonly Name: string;
  readonly Config: { readonly Hostname: string };
  readonly State: {
    readonly Running: boolean;
    readonly Paused: boolean;
    readonly Restarting: boolean;
    readonly Health?: { readonly Status: string };
  };
  readonly NetworkSettings: {
    readonly Ports: Readonly<
      Record<string, readonly { readonly HostIp: string; readonly HostPort: string }[] | null>
    >;
  };
}

function placeOf(
  found: Inspected | undefined,
): { row: string; port: number; hostname: string; isPassing: boolean }[] {
  if (found === undefined) return [];
  const { Running, Paused, Restarting, Health } = found.State;
  const binding = found.NetworkSettings.Ports['80/tcp']?.find(({ HostIp }) => HostIp === '0.0.0.0');
  if (!Running || Restarting || binding === undefined) return [];
  const isPassing = !Paused && (Health === undefined || ['healthy', 'none'].includes(Health.Status));
  const port = Number(binding.HostPort);
  const row = `e2e:${found.Name.slice(1)}:80 127.0.0.1:${port}`;
  return [{ row, port, hostname: found.Config.Hostname, isPassing }];
}

function viewsOf({ catalog, passing }: Truth): Views {
  return { catalog, passing, dns: passing.map((row) => row.split(' ')[1]!).sort(), file: passing };
}

function isEqual(a: unknown, b: unknown): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
