/** `portolan registrar`: the registrar alone, into any Consul HTTP API. */
import { Client } from '@portolan/sdk';
import type { RegistrarConfig } from '../config/config.ts';
import { DockerEngine } from '../docker/engine.ts';
import { parseEngineHost } from '../docker/engine-host.ts';
import { systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { defaultRegistrarOptions } from '../registrar/options.ts';
import { Registrar } from '../registrar/registrar.ts';
import { RegistrarError } from '../registrar/target.ts';
import { HttpTarget } from '../registrar/target-http.ts';
import { AgentError } from './errors.ts';

export interface RegistrarRun extends RegistrarConfig {
  readonly nodeName: string;
  /** `http://host:8500`. */
  readonly registry: string;
  readonly token: string;
}

/** Runs until `signal` aborts. Throws RegistrarError when another live registrar has the id, AgentError for a bad address. */
export async function runRegistrar(
  run: RegistrarRun,
  deps: { readonly log: Logger; readonly signal: AbortSignal },
): Promise<void> {
  const { log, signal } = deps;
  const client = new Client({ address: run.registry, ...(run.token === '' ? {} : { token: run.token }) });
  const source = openEngine(run);
  const registrar = new Registrar(registrarOptions(run, run.nodeName, run.id), {
    source,
    target: new HttpTarget({ client, clock: systemClock, log: log.child('registrar') }),
    log: log.child('registrar'),
    clock: systemClock,
  });
  try {
    await refuseRivalAgent(client, registrar.id, signal);
    log.info({ registry: client.address, docker: source.endpoint, id: registrar.id }, 'registrar starts');
    await registrar.run(signal);
  } finally {
    await source.close();
  }
}

/** Connects to nothing yet. Throws AgentError 'docker-host'. */
export function openEngine(config: RegistrarConfig): DockerEngine {
  const host = engineHost(config);
  const { DOCKER_API_VERSION: apiVersion } = process.env;
  return new DockerEngine(
    { host, ...(apiVersion === undefined ? {} : { apiVersion }) },
    { clock: systemClock },
  );
}

function engineHost(config: RegistrarConfig): ReturnType<typeof parseEngineHost> {
  try {
    return parseEngineHost(config.dockerHost, {
      DOCKER_TLS_VERIFY: config.dockerTlsVerify ? '1' : '',
      DOCKER_CERT_PATH: config.dockerCertPath,
    });
  } catch (cause) {
    const text = `registrar.docker_host: ${(cause as Error).message}; choose another with -docker-host or DOCKER_HOST`;
    throw new AgentError('docker-host', text, { cause });
  }
}

export function registrarOptions(
  config: RegistrarConfig,
  nodeName: string,
  id: string,
): ConstructorParameters<typeof Registrar>[0] {
  return {
    ...defaultRegistrarOptions,
    nodeName,
    id,
    ip: config.ip,
    internal: config.internal,
    explicit: config.explicit,
    tags: config.tags,
    ipLabel: config.useIpFromLabel,
    resyncMs: config.resyncMs,
    dockerGraceMs: config.dockerGraceMs,
  };
}

/** A Portolan agent may run a registrar of its own with this id: it holds no claim key, but says so of itself. */
async function refuseRivalAgent(client: Client, id: string, signal: AbortSignal): Promise<void> {
  const self = await client.agent.self({ signal }).catch(() => undefined);
  if (self?.DebugConfig['RegistrarID'] !== id) return;
  const text = `the agent at ${client.address} runs a registrar with the id "${id}" itself`;
  throw new RegistrarError('claimed', `${text}: stop this one, or start the agent with --registrar=false`);
}
