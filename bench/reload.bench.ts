/**
 * Docker's start event -> reload command started, against a bare loop that only listens, inspects and spawns.
 *
 * Each side has a Docker daemon of its own and they take turns, start by start: neither sees the other's events nor works
 * at the same time. The left end is the event's own time, as the daemon notes it; the right end is written by the
 * command itself, the same on both sides, as soon as it runs. No check, no wait; the real agent with a data directory.
 */
import { type ChildProcess, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Client, Pool } from 'undici';

import { TestDockerd } from '../test/docker/dockerd.testkit.ts';
import { type RunningAgent, startAgent } from '../test/e2e/agent.testkit.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  /** The highest ratio that passes. */
  readonly limit: number;
  readonly detail: string;
}

/** Starts on each side; the first ones warm both programs up. */
const starts = Number(process.env['PORTOLAN_BENCH_STARTS'] ?? 320);
const warmUp = 20;
const api = '/v1.41';

export async function run(): Promise<BenchResult[]> {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-bench-'));
  const sides: Side[] = [];
  try {
    sides.push(await PortolanSide.open(join(folder, 'portolan')), await BareSide.open(join(folder, 'bare')));
    const [ours, bare] = await measure(sides);
    return compare(ours!, bare!);
  } finally {
    for (const side of sides) await side.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds of every start, a list for each side. */
async function measure(sides: readonly Side[]): Promise<readonly (readonly number[])[]> {
  const times = sides.map((): number[] => []);
  for (let i = -warmUp; i < starts; i++) {
    const order = [...sides.entries()];
    for (const [at, side] of i % 2 === 0 ? order : order.reverse()) {
      const took = await side.start();
      if (i >= 0) times[at]!.push(took);
    }
  }
  return times;
}

function compare(ours: readonly number[], bare: readonly number[]): BenchResult[] {
  const cases = [
    { what: 'median', share: 0.5, limit: 1.5 },
    { what: 'p99', share: 0.99, limit: 3 },
  ];
  return cases.map(({ what, share, limit }) => {
    const [a, b] = [quantile(ours, share), quantile(bare, share)];
    return {
      name: `start event -> reload command started, ${what} of ${ours.length} starts, against listen, inspect, spawn`,
      ratio: a / b,
      limit,
      detail: `portolan ${a.toFixed(2)} ms, bare ${b.toFixed(2)} ms`,
    };
  });
}

/** One program that runs a command when a container starts, and its own Docker daemon with that container. */
abstract class Side {
  readonly dockerd: TestDockerd;
  readonly #marks: string;
  #container = '';
  #seen = 0;

  protected constructor(dockerd: TestDockerd, marks: string) {
    this.dockerd = dockerd;
    this.#marks = marks;
  }

  /** How many times the command runs when a container ends. */
  protected abstract readonly commandsAtEnd: number;

  async prepare(): Promise<void> {
    // On the host's network a start is quick; an exposed port makes it a service.
    this.#container = await this.dockerd.api.create({
      name: 'app',
      network: 'host',
      publishAll: false,
      env: ['SERVICE_NAME=app'],
      command: ['sleep', '100000'],
    });
  }

  /** Starts the container and ends it again; answers the milliseconds from event to command. */
  async start(): Promise<number> {
    const docker = this.dockerd.api;
    const since = Date.now() / 1000 - 1;
    await docker.start(this.#container);
    const [mark] = await this.#nextMarks(1);
    const filters = JSON.stringify({ type: ['container'], event: ['start'], container: [this.#container] });
    const path = `/events?since=${since}&until=${Date.now() / 1000}&filters=${encodeURIComponent(filters)}`;
    const event = (await docker.call('GET', path)) as { readonly timeNano: number };
    await docker.kill(this.#container);
    await this.#nextMarks(this.commandsAtEnd);
    return mark! - event.timeNano / 1e6;
  }

  async close(): Promise<void> {
    await this.dockerd.close();
  }

  async #nextMarks(count: number): Promise<number[]> {
    const want = this.#seen + count;
    for (const end = performance.now() + 20_000; performance.now() < end; await sleep(5)) {
      const marks = readMarks(this.#marks);
      if (marks.length < want) continue;
      const found = marks.slice(this.#seen);
      this.#seen = marks.length;
      return found;
    }
    throw new Error(`the command has not run:\n${this.dockerd.log().slice(-1000)}`);
  }
}

class PortolanSide extends Side {
  protected readonly commandsAtEnd = 1;
  readonly #agent: RunningAgent;

  private constructor(dockerd: TestDockerd, marks: string, agent: RunningAgent) {
    super(dockerd, marks);
    this.#agent = agent;
  }

  static async open(at: string): Promise<PortolanSide> {
    const dockerd = await TestDockerd.open();
    const config = `${at}.json`;
    const template = {
      contents: '{{ range service "app" }}{{ .Address }}:{{ .Port }}\n{{ end }}',
      destination: `${at}.out`,
      command: markCommand(`${at}.marks`),
    };
    writeFileSync(config, JSON.stringify({ template: [template] }));
    writeFileSync(`${at}.out`, '');
    const dataDir = `${at}.data`;
    const options = { dataDir, dockerSocket: dockerd.socketPath, args: [`-config-file=${config}`] };
    const agent = await startAgent(options).catch(async (error: unknown) => {
      await dockerd.close();
      throw error;
    });
    const side = new PortolanSide(dockerd, `${at}.marks`, agent);
    await side.prepare();
    return side;
  }

  override async close(): Promise<void> {
    await this.#agent.stop();
    await super.close();
  }
}

class BareSide extends Side {
  protected readonly commandsAtEnd = 0;
  readonly #child: ChildProcess;

  private constructor(dockerd: TestDockerd, marks: string, child: ChildProcess) {
    super(dockerd, marks);
    this.#child = child;
  }

  static async open(at: string): Promise<BareSide> {
    const dockerd = await TestDockerd.open();
    const child = fork(process.argv[1]!, ['bare', dockerd.socketPath, `${at}.marks`]);
    const side = new BareSide(dockerd, `${at}.marks`, child);
    await once(child, 'message');
    await side.prepare();
    return side;
  }

  override async close(): Promise<void> {
    this.#child.kill();
    await super.close();
  }
}

/** The whole of the bare side: the same HTTP client, no state, no file, the same command. */
async function bare(socketPath: string, marks: string): Promise<void> {
  const connect = { socketPath };
  const stream = new Client('http://docker', { connect });
  const pool = new Pool('http://docker', { connect, connections: 8 });
  const [file, ...args] = markCommand(marks);
  const onStart = async (id: string): Promise<void> => {
    const answer = await pool.request({ method: 'GET', path: `${api}/containers/${id}/json` });
    const found = JSON.parse(await answer.body.text()) as { readonly State: { readonly Running: boolean } };
    if (!found.State.Running) throw new Error(`${id} does not run`);
    spawn(file!, args, { stdio: 'ignore' });
  };
  const filters = encodeURIComponent('{"type":["container"],"event":["start"]}');
  const path = `${api}/events?filters=${filters}`;
  const answer = await stream.request({ method: 'GET', path, bodyTimeout: 0 });
  process.send!('listening');
  let rest = '';
  for await (const chunk of answer.body) {
    const lines = (rest + String(chunk)).split('\n');
    rest = lines.pop()!;
    for (const line of lines) void onStart((JSON.parse(line) as { readonly id: string }).id);
  }
}

/** Writes the time, in seconds with six digits, as the first thing that it does. */
function markCommand(marks: string): string[] {
  return ['/bin/busybox', 'sh', '-c', `echo $EPOCHREALTIME >> ${marks}`];
}

/** Milliseconds since the epoch, one a run of the command. */
function readMarks(path: string): number[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, 'utf8').split('\n');
  return lines.slice(0, -1).map((line) => Number(line) * 1000);
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [role, socketPath = '', marks = ''] = process.argv.slice(2);
  const missing = TestDockerd.missing();
  if (role === 'bare') await bare(socketPath, marks);
  else if (missing !== undefined) console.log(`not measured: ${missing}`);
  else {
    for (const { name, ratio, limit, detail } of await run()) {
      const isOk = ratio <= limit;
      console.log(`${isOk ? 'ok  ' : 'FAIL'} ${ratio.toFixed(2)} (at most ${limit}) ${name}: ${detail}`);
      if (!isOk) process.exitCode = 1;
    }
  }
}
