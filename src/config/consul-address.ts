/** How a Consul is reached when no file and no flag says so: the variables that Consul's own clients read. */
import { ConfigError } from './config-error.ts';
import type { ConsulConfig, TlsConfig } from './template-config.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** What may stand where an address is wanted, for messages. */
export const consulAddressForms = 'host:port, http://host:port, https://host:port or unix:///path';

/** '' is one: it stands for the default. */
export function isConsulAddress(text: string): boolean {
  if (text === '' || /^unix:\/\/./.test(text)) return true;
  const [scheme, rest] = text.includes('://') ? text.split('://') : ['http', text];
  return /^https?$/.test(scheme!) && URL.canParse(`http://${rest}`);
}

/** Source: Consul's api/api.go, which consul-template starts from, and consul-template's config/consul.go. */
export function consulFromEnvironment(
  env: Env,
  address: string | undefined,
): Pick<ConsulConfig, 'address' | 'token' | 'tokenFile' | 'namespace' | 'auth' | 'tls'> {
  const own = nonEmpty(address) ?? addressOf(env) ?? '127.0.0.1:8500';
  return {
    address: own,
    token: nonEmpty(env['CONSUL_TOKEN']) ?? env['CONSUL_HTTP_TOKEN'] ?? '',
    tokenFile: env['CONSUL_HTTP_TOKEN_FILE'] ?? '',
    namespace: env['CONSUL_NAMESPACE'] ?? '',
    auth: authOf(env['CONSUL_HTTP_AUTH'] ?? ''),
    tls: tlsOf(env, own),
  };
}

function addressOf(env: Env): string | undefined {
  const text = nonEmpty(env['CONSUL_HTTP_ADDR']);
  if (text === undefined || isConsulAddress(text)) return text;
  const message = `CONSUL_HTTP_ADDR: ${JSON.stringify(text)} is not ${consulAddressForms}`;
  throw new ConfigError('invalid-value', `environment variable ${message}`);
}

function authOf(text: string): ConsulConfig['auth'] {
  if (text === '') return null;
  const [username = '', ...password] = text.split(':');
  return { username, password: password.join(':') };
}

/** Certificates alone ask for no TLS, but an address with https uses them. */
function tlsOf(env: Env, address: string): TlsConfig | null {
  const tls: TlsConfig = {
    verify: isTrue(env['CONSUL_HTTP_SSL_VERIFY']) ?? true,
    cert: env['CONSUL_CLIENT_CERT'] ?? '',
    key: env['CONSUL_CLIENT_KEY'] ?? '',
    caCert: env['CONSUL_CACERT'] ?? '',
    caCertBytes: '',
    caPath: env['CONSUL_CAPATH'] ?? '',
    serverName: env['CONSUL_TLS_SERVER_NAME'] ?? '',
  };
  if (isTrue(env['CONSUL_HTTP_SSL']) === true) return tls;
  const { verify, ...texts } = tls;
  const isSilent = verify && Object.values(texts).every((text) => text === '');
  return address.startsWith('https://') && !isSilent ? tls : null;
}

/** As Go's strconv.ParseBool; undefined: it says nothing. */
function isTrue(text: string | undefined): boolean | undefined {
  if (/^(1|t|true)$/i.test(text ?? '')) return true;
  return /^(0|f|false)$/i.test(text ?? '') ? false : undefined;
}

export function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
