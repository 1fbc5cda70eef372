import { Pool } from 'undici';

/** What tests ask of a container. Ports are `80/tcp`. */
export interface RunOptions {
  readonly name: string;
  readonly exposed?: readonly string[];
  /** Publish every exposed port on a port of Docker's choice. Default true. */
  readonly publishAll?: boolean;
  readonly network?: string;
  readonly env?: readonly string[];
  readonly labels?: Readonly<Record<string, string>>;
  readonly command?: readonly string[];
  /** A shell command, run every 0.2 s, healthy or unhealthy after one run. */
  readonly health?: string;
  readonly restart?: 'no' | 'always' | 'unless-stopped';
}

/** Docker's API as tests drive it, over the socket: no client program is needed and nothing is waited for twice. */
export class DockerApi {
  readonly #pool: Pool;
  readonly #image: string;

  constructor(socketPath: string, image: string) {
    this.#pool = new Pool('http://docker', {
      connections: 32,
      connect: { socketPath },
      headersTimeout: 60_000,
    });
    this.#image = image;
  }

  /** Answers parsed JSON, or undefined for an empty body; throws with Docker's text above 399. */
  async call(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const json =
      body === undefined
        ? {}
        : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const answer = await this.#pool.request({ method, path: `/v1.41${path}`, ...json });
    const text = await answer.body.text();
    if (answer.statusCode >= 400) throw new Error(`${method} ${path}: ${answer.statusCode} ${text.trim()}`);
    return text.trim() === '' ? undefined : JSON.parse(text.trim().split('\n').at(-1)!);
  }

  async importImage(rootfs: Buffer): Promise<void> {
    const changes = ['ENTRYPOINT ["/bin/busybox"]', 'CMD ["httpd","-f","-p","80","-h","/www"]'];
    const query = changes.map((change) => `changes=${encodeURIComponent(change)}`).join('&');
    const [repo, tag] = this.#image.split(':');
    const path = `/v1.41/images/create?fromSrc=-&repo=${repo}&tag=${tag}&${query}`;
    const answer = await this.#pool.request({ method: 'POST', path, body: rootfs });
    const text = await answer.body.text();
    if (answer.statusCode >= 400 || text.includes('"error"')) throw new Error(`import: ${text}`);
  }

  /** Creates and starts; answers the id. */
  async run(options: RunOptions): Promise<string> {
    const id = await this.create(options);
    await this.call('POST', `/containers/${id}/start`);
    return id;
  }

  async create(options: RunOptions): Promise<string> {
    const {
      name,
      exposed = ['80/tcp'],
      publishAll = true,
      network = 'default',
      env = [],
      labels = {},
    } = options;
    const { command, health, restart = 'no' } = options;
    const probe = { Test: ['CMD-SHELL', health], Interval: 200e6, Timeout: 2e9, Retries: 1, StartPeriod: 0 };
    const created = await this.call('POST', `/containers/create?name=${name}`, {
      Image: this.#image,
      ExposedPorts: Object.fromEntries(exposed.map((port) => [port, {}])),
      Env: env,
      Labels: labels,
      // As process 1 busybox would ignore a SIGTERM for ten seconds.
      StopSignal: 'SIGKILL',
      ...(command === undefined ? {} : { Cmd: command }),
      ...(health === undefined ? {} : { Healthcheck: probe }),
      HostConfig: { PublishAllPorts: publishAll, NetworkMode: network, RestartPolicy: { Name: restart } },
    });
    return (created as { Id: string }).Id;
  }

  start = (name: string): Promise<unknown> => this.call('POST', `/containers/${name}/start`);
  stop = (name: string): Promise<unknown> => this.call('POST', `/containers/${name}/stop?t=0`);
  restart = (name: string): Promise<unknown> => this.call('POST', `/containers/${name}/restart?t=0`);
  kill = (name: string): Promise<unknown> => this.call('POST', `/containers/${name}/kill`);
  pause = (name: string): Promise<unknown> => this.call('POST', `/containers/${name}/pause`);
  unpause = (name: string): Promise<unknown> => this.call('POST', `/containers/${name}/unpause`);
  rename = (name: string, to: string): Promise<unknown> =>
    this.call('POST', `/containers/${name}/rename?name=${to}`);
  /** rm -f */
  remove = (name: string): Promise<unknown> => this.call('DELETE', `/containers/${name}?force=1&v=1`);

  async createNetwork(name: string): Promise<void> {
    await this.call('POST', '/networks/create', { Name: name, CheckDuplicate: true });
  }

  connect = (network: string, name: string): Promise<unknown> =>
    this.call('POST', `/networks/${network}/connect`, { Container: name });
  disconnect = (network: string, name: string): Promise<unknown> =>
    this.call('POST', `/networks/${network}/disconnect`, { Container: name });

  /** Runs a shell command in a container and waits for its end. */
  async exec(name: string, command: string): Promise<void> {
    const made = await this.call('POST', `/containers/${name}/exec`, {
      Cmd: ['/bin/sh', '-c', command],
      AttachStdout: true,
    });
    const path = `/v1.41/exec/${(made as { Id: string }).Id}/start`;
    const headers = { 'content-type': 'application/json' };
    const answer = await this.#pool.request({
      method: 'POST',
      path,
      headers,
      body: '{"Detach":false,"Tty":true}',
    });
    await answer.body.dump();
  }

  /** `name -> host port of container port 80 on IPv4` of everything that runs, as Docker says now. */
  async truth(): Promise<Map<string, number>> {
    const list = (await this.call('GET', '/containers/json')) as {
      readonly Names: readonly string[];
      readonly State: string;
      readonly Ports: readonly { IP?: string; PrivatePort: number; PublicPort?: number }[];
    }[];
    const rows = list.flatMap(({ Names, State, Ports }) => {
      const found = Ports.find(
        ({ IP, PrivatePort, PublicPort }) => IP === '0.0.0.0' && PrivatePort === 80 && PublicPort,
      );
      return found?.PublicPort === undefined || State === 'restarting'
        ? []
        : [[Names[0]!.slice(1), found.PublicPort] as const];
    });
    return new Map(rows);
  }

  /** Removes every container and every network of a test. */
  async clear(): Promise<void> {
    const containers = (await this.call('GET', '/containers/json?all=1')) as { readonly Id: string }[];
    await Promise.all(containers.map(({ Id }) => this.remove(Id).catch(() => {})));
    const networks = (await this.call('GET', '/networks')) as { readonly Name: string }[];
    const own = networks.filter(({ Name }) => !['bridge', 'host', 'none'].includes(Name));
    await Promise.all(own.map(({ Name }) => this.call('DELETE', `/networks/${Name}`)));
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
