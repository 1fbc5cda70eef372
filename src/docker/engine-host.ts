import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DockerError } from './docker.ts';

/** Where an engine listens. */
export interface EngineHost {
  /** As people write it: `unix:///var/run/docker.sock`, `tcp://10.0.0.5:2376`. */
  readonly endpoint: string;
  /** '' for TCP. */
  readonly socketPath: string;
  /** What HTTP requests are sent to; a placeholder host for a socket. */
  readonly origin: string;
  readonly tls: EngineTls | undefined;
}

export interface EngineTls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  /** false: the engine's certificate is not checked (DOCKER_TLS_VERIFY is empty). */
  readonly verify: boolean;
}

export const defaultDockerHost = 'unix:///var/run/docker.sock';

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The engine that Docker's own environment variables name: DOCKER_HOST, DOCKER_TLS_VERIFY, DOCKER_CERT_PATH (files
 * ca.pem, cert.pem, key.pem). `host` stands in place of DOCKER_HOST unless it is ''.
 * Throws DockerError 'protocol' for an address that we can't use, 'absent' for certificates that can't be read.
 */
export function parseEngineHost(host: string, env: Environment): EngineHost {
  const endpoint = host || env['DOCKER_HOST'] || defaultDockerHost;
  const match = /^([a-z]+):\/\/(.*)$/.exec(endpoint);
  const scheme = match?.[1] ?? '';
  const rest = match?.[2] ?? '';
  if (scheme === 'unix') {
    if (!rest.startsWith('/')) throw badAddress(endpoint, 'unix:// needs an absolute path');
    return { endpoint, socketPath: rest, origin: 'http://docker', tls: undefined };
  }
  if (scheme !== 'tcp' && scheme !== 'http' && scheme !== 'https') {
    throw badAddress(endpoint, 'use unix:///path, tcp://host:port or https://host:port');
  }
  const verify = (env['DOCKER_TLS_VERIFY'] ?? '') !== '';
  const tls =
    scheme === 'https' || verify ? readTls(endpoint, env['DOCKER_CERT_PATH'] ?? '', verify) : undefined;
  return { endpoint, socketPath: '', origin: origin(endpoint, rest, tls !== undefined), tls };
}

function origin(endpoint: string, rest: string, secure: boolean): string {
  const scheme = secure ? 'https' : 'http';
  if (!URL.canParse(`${scheme}://${rest}`)) throw badAddress(endpoint, 'not a host and port');
  const url = new URL(`${scheme}://${rest}`);
  // A URL drops its scheme's own port, but Docker's default is another one.
  const hasPort = /:\d+$/.test(rest.replace(/\/.*$/, ''));
  return hasPort ? url.origin : `${url.origin}:${secure ? 2376 : 2375}`;
}

function readTls(endpoint: string, folder: string, verify: boolean): EngineTls | undefined {
  if (folder === '') return { ca: '', cert: '', key: '', verify };
  try {
    const read = (name: string): string => readFileSync(join(folder, name), 'utf8');
    return { ca: read('ca.pem'), cert: read('cert.pem'), key: read('key.pem'), verify };
  } catch (cause) {
    throw new DockerError('absent', `Docker certificates for ${endpoint}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function badAddress(endpoint: string, reason: string): DockerError {
  return new DockerError('protocol', `Docker address "${endpoint}": ${reason}`);
}
