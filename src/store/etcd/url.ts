/**
 * `etcd://[user:password@]host:2379,host:2379/namespace?ca=FILE...` and what may be said beside it -> where the
 * store is. `etcds://` or any TLS setting means TLS.
 */
import { StoreError } from '../store.ts';

export interface EtcdAddress {
  /** `host:port`, an IPv6 address in brackets. */
  readonly endpoints: readonly string[];
  /** Before every key; ends with `/`. */
  readonly namespace: string;
  /** '' is none. */
  readonly user: string;
  readonly password: string;
  readonly tls: EtcdTls | undefined;
}

export interface EtcdTls {
  /** PEM files; '' is none (the system's authorities, no client certificate). */
  readonly caFile: string;
  readonly certFile: string;
  readonly keyFile: string;
  /** The name that the certificate must bear, where it is not the endpoint's. */
  readonly serverName: string;
  /** Takes any certificate. */
  readonly insecure: boolean;
}

/** What is set beside the URL goes before what the URL says; '' is not set. */
export interface EtcdSettings {
  readonly url: string;
  readonly namespace?: string;
  readonly user?: string;
  readonly password?: string;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

const parameters = ['tls', 'ca', 'cert', 'key', 'server_name', 'insecure'] as const;

/** Throws StoreError `invalid` that says what is wrong with the URL. */
export function parseEtcdUrl(settings: EtcdSettings | string): EtcdAddress {
  const given = typeof settings === 'string' ? { url: settings } : settings;
  const { url } = given;
  const match = /^(etcds?):\/\/(?:([^@/?]*)@)?([^/?]*)(\/[^?]*)?(?:\?(.*))?$/.exec(url);
  if (match === null) throw wrong(url, 'write etcd://host:2379,host:2379/namespace');
  const [, scheme, credentials, hosts = '', path = '', query = ''] = match;
  const { user, password } = parseCredentials(url, credentials);
  const search = parseQuery(url, query);
  const tls = parseTls(url, { ...given, scheme: scheme!, search });
  return {
    endpoints: parseHosts(url, hosts),
    namespace: parseNamespace(given.namespace || decode(url, path.replace(/^\//, ''))),
    user: given.user || user,
    password: given.password || password,
    tls,
  };
}

function parseHosts(url: string, hosts: string): string[] {
  const found = hosts.split(',').map((host) => host.trim());
  if (found.some((host) => host === '')) throw wrong(url, 'a host is missing');
  const endpoints = found.map((host) => parseHost(url, host));
  const twice = endpoints.find((endpoint, i) => endpoints.indexOf(endpoint) !== i);
  if (twice !== undefined) throw wrong(url, `it names ${twice} twice`);
  return endpoints;
}

function parseHost(url: string, host: string): string {
  const match = /^(\[[0-9a-fA-F:.%]+\]|[^:[\]]+)(?::(\d+))?$/.exec(host);
  if (match === null) throw wrong(url, `'${host}' is no host:port (IPv6 goes in brackets: [::1]:2379)`);
  const port = match[2] === undefined ? 2379 : Number(match[2]);
  if (port < 1 || port > 65_535) throw wrong(url, `'${host}' has no valid port`);
  return `${match[1]}:${port}`;
}

function parseCredentials(url: string, text: string | undefined): { user: string; password: string } {
  if (text === undefined) return { user: '', password: '' };
  const colon = text.indexOf(':');
  const user = decode(url, colon < 0 ? text : text.slice(0, colon));
  if (user === '') throw wrong(url, 'the user before @ is empty');
  return { user, password: colon < 0 ? '' : decode(url, text.slice(colon + 1)) };
}

function parseNamespace(text: string): string {
  const name = text.replace(/^\/+|\/+$/g, '');
  return `${name === '' ? 'portolan' : name}/`;
}

function parseQuery(url: string, query: string): URLSearchParams {
  const search = new URLSearchParams(query);
  for (const name of search.keys()) {
    if (!parameters.some((known) => known === name)) {
      throw wrong(url, `it takes ${parameters.join(', ')} after the ?, not '${name}'`);
    }
  }
  return search;
}

function parseTls(
  url: string,
  from: Omit<EtcdSettings, 'url'> & { readonly scheme: string; readonly search: URLSearchParams },
): EtcdTls | undefined {
  const { scheme, search } = from;
  const caFile = from.caFile || (search.get('ca') ?? '');
  const certFile = from.certFile || (search.get('cert') ?? '');
  const keyFile = from.keyFile || (search.get('key') ?? '');
  const serverName = search.get('server_name') ?? '';
  const insecure = parseSwitch(url, 'insecure', search.get('insecure'));
  const asked = parseSwitch(url, 'tls', search.get('tls'));
  if ((certFile === '') !== (keyFile === ''))
    throw wrong(url, 'a certificate needs its key, and a key its certificate');
  const implied = insecure || [caFile, certFile, serverName].some((text) => text !== '');
  if (search.get('tls') === 'false' && (implied || scheme === 'etcds'))
    throw wrong(url, 'tls=false contradicts the rest');
  if (scheme !== 'etcds' && !asked && !implied) return undefined;
  return { caFile, certFile, keyFile, serverName, insecure };
}

function parseSwitch(url: string, name: string, text: string | null): boolean {
  if (text === null || text === 'false') return false;
  if (text === 'true') return true;
  throw wrong(url, `${name} is true or false, not '${text}'`);
}

function decode(url: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw wrong(url, `'${text}' is not percent-encoded as it should be`);
  }
}

function wrong(url: string, reason: string): StoreError {
  return new StoreError('invalid', `The store's address ${withoutPassword(url)} is not valid: ${reason}.`);
}

function withoutPassword(url: string): string {
  return url.replace(/:[^:@/]*@/, ':***@');
}
