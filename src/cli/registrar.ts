import { hostname } from 'node:os';
import { type Command, Option } from 'commander';
import { runRegistrar } from '../agent/registrar-agent.ts';
import { loadConfig } from '../config/load.ts';
import { ConfigError } from '../config/config-error.ts';
import { createLogger, logLevels } from '../lib/log.ts';
import { CliError, examples, exitCodes, type CliCommand, type Io } from './command.ts';

interface RegistrarFlags {
  readonly registry?: string;
  readonly token?: string;
  readonly node: string;
  readonly id?: string;
  readonly dockerHost?: string;
  readonly ip?: string;
  readonly internal?: boolean;
  readonly explicit?: boolean;
  readonly useIpFromLabel?: string;
  readonly tags?: string;
  readonly resync?: string;
  readonly deregister?: 'always' | 'on-success';
  readonly ttl?: string;
  readonly ttlRefresh?: string;
  readonly logLevel: (typeof logLevels)[number];
}

export const registrarCommand: CliCommand = {
  define: (command, io) => {
    command
      .argument('[uri]', 'consul://host:port, as Registrator takes it; the same as -registry')
      .option(
        '--registry <url>',
        'Consul or Portolan agent to register with (env CONSUL_HTTP_ADDR; default http://127.0.0.1:8500)',
      )
      .option('--token <token>', 'access token (env CONSUL_HTTP_TOKEN)')
      .option('--node <name>', 'first part of service IDs', hostname())
      .option('--id <id>', 'mark of ownership on services (default: node name and engine socket)')
      .option(
        '--docker-host <address>',
        'Docker Engine (env DOCKER_HOST; default unix:///var/run/docker.sock)',
      )
      .addOption(
        new Option('--log-level <level>', 'how much to log').choices([...logLevels]).default('info'),
      );
    addRegistratorOptions(command);
    examples(command, [
      'portolan registrar --registry http://consul:8500',
      'portolan registrar -ip 10.0.0.7 -tags=edge consul://127.0.0.1:8500',
    ]);
    exitCodes(command, '0 stopped, 1 could not start, or another live registrar has the id');
    command.addHelpText('after', 'Services stay registered when it stops.');
    command.action((uri: string | undefined, flags: RegistrarFlags) => run(uri, flags, io));
  },
};

/** Registrator's own flags, by its names. */
function addRegistratorOptions(command: Command): void {
  command
    .option('--ip <address>', 'address of every service (default: the node’s)')
    .option('--internal', 'register container addresses and ports instead of published ones')
    .option('--explicit', 'register only ports that have a SERVICE_NAME')
    .option('--useIpFromLabel <label>', 'take the address from this container label')
    .option('--tags <list>', 'tags for every service, separated by commas')
    .option('--resync <seconds>', 'seconds between full comparisons (default: 45)')
    .addOption(
      new Option('--deregister <mode>', 'accepted: an exited container is always deregistered').choices([
        'always',
        'on-success',
      ]),
    )
    .option('--cleanup', 'accepted: own services of dead containers are always removed')
    .option('--ttl <seconds>', 'accepted: has no effect in Consul')
    .option('--ttl-refresh <seconds>', 'accepted: has no effect in Consul')
    .option('--retry-attempts <n>', 'accepted: an absent registry is retried forever')
    .option('--retry-interval <ms>', 'accepted: retries back off by themselves');
}

async function run(uri: string | undefined, flags: RegistrarFlags, io: Io): Promise<void> {
  const log = createLogger({ level: flags.logLevel, format: 'text', write: io.err });
  if (flags.deregister === 'on-success') {
    log.warn({}, '-deregister on-success is not supported: a container that exited is always deregistered');
  }
  const registry = registryUrl(
    uri ?? flags.registry ?? io.env['CONSUL_HTTP_ADDR'] ?? 'http://127.0.0.1:8500',
  );
  const { registrar } = loadOrExplain(flags, io);
  const token = flags.token ?? io.env['CONSUL_HTTP_TOKEN'] ?? '';
  await runRegistrar({ ...registrar, nodeName: flags.node, registry, token }, { log, signal: io.signal });
}

/** Registrator's `consul://` and `consul-tls://` are HTTP and HTTPS; its other back ends are not ours. */
function registryUrl(text: string): string {
  const match = /^(?:([a-z0-9-]+):\/\/)?(.*)$/.exec(text);
  const scheme = match?.[1] ?? 'http';
  const rest = match?.[2] === '' || match?.[2] === undefined ? '127.0.0.1:8500' : match[2];
  if (scheme === 'http' || scheme === 'consul') return `http://${rest}`;
  if (scheme === 'https' || scheme === 'consul-tls') return `https://${rest}`;
  throw new CliError(
    `portolan: registry ${text}: ${scheme}:// is not supported; use http://host:8500 or consul://host:8500`,
  );
}

/** 0 is Registrator's word for the default. */
function resyncSetting(seconds: string | undefined): string {
  if (seconds === undefined || seconds === '0') return '';
  if (!/^\d+$/.test(seconds))
    throw new CliError(`-resync ${seconds}: not a number of seconds, e.g. -resync=60`);
  return `resync = "${seconds}s"`;
}

function loadOrExplain(flags: RegistrarFlags, io: Io): ReturnType<typeof loadConfig>['config'] {
  const own = {
    ...(flags.id === undefined ? {} : { 'registrar-id': flags.id }),
    ...(flags.dockerHost === undefined ? {} : { 'docker-host': flags.dockerHost }),
    ...(flags.ip === undefined ? {} : { 'registrar-ip': flags.ip }),
    ...(flags.internal === true ? { 'registrar-internal': true } : {}),
    ...(flags.explicit === true ? { 'registrar-explicit': true } : {}),
  };
  const resync = resyncSetting(flags.resync);
  const label =
    flags.useIpFromLabel === undefined ? '' : `use_ip_from_label = ${JSON.stringify(flags.useIpFromLabel)}`;
  const tags =
    flags.tags === undefined
      ? ''
      : `tags = ${JSON.stringify(flags.tags.split(',').filter((tag) => tag !== ''))}`;
  try {
    return loadConfig({
      snippets: [`registrar { ${[resync, label, tags].filter((text) => text !== '').join('\n')} }`],
      // The node's address belongs to the registry's agent, not to this process.
      flags: { ...own, advertise: '127.0.0.1' },
      env: io.env,
    }).config;
  } catch (error) {
    if (error instanceof ConfigError) throw new CliError(`portolan: ${error.message}`);
    throw error;
  }
}
