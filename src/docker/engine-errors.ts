import { DockerError, type DockerErrorCode } from './docker.ts';
import type { EngineHost } from './engine-host.ts';

/** What a failed request means, in words that tell what to do. DockerErrors pass through. */
export function toDockerError(error: unknown, host: EngineHost): DockerError {
  if (error instanceof DockerError) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  const code = errorCode(cause);
  const [kind, text] = describe(code, cause, host);
  return new DockerError(kind, text, { cause });
}

function describe(code: string, cause: Error, host: EngineHost): readonly [DockerErrorCode, string] {
  const where = host.socketPath || host.endpoint;
  switch (code) {
    case 'ENOENT':
      return [
        'absent',
        `no Docker socket at ${where}: is Docker installed and running? (DOCKER_HOST names another)`,
      ];
    case 'ECONNREFUSED':
      return ['absent', `nothing listens on ${where}: is the Docker daemon running?`];
    case 'EACCES':
    case 'EPERM':
      return [
        'permission',
        `permission denied on ${where}: run as root, or add this user to the socket's group ` +
          '(usermod -aG docker USER, then log in again)',
      ];
    case 'ENOTSOCK':
      return ['protocol', `${where} is not a socket`];
    case 'UND_ERR_HEADERS_TIMEOUT':
    case 'UND_ERR_BODY_TIMEOUT':
    case 'UND_ERR_CONNECT_TIMEOUT':
      return ['timeout', `Docker at ${where} did not answer in time`];
    default:
      return cause.name === 'HTTPParserError' || isTls(code)
        ? ['protocol', `${where} does not answer as Docker does: ${cause.message}`]
        : ['absent', `lost Docker at ${where}: ${cause.message || code}`];
  }
}

function isTls(code: string): boolean {
  return code.startsWith('ERR_TLS') || code.startsWith('ERR_SSL') || /CERT|SIGNATURE|ISSUER/.test(code);
}

function errorCode(error: Error): string {
  const own = (error as { code?: unknown }).code;
  if (typeof own === 'string') return own;
  return error.cause instanceof Error ? errorCode(error.cause) : '';
}

/** The engine's own text for an answer that is not 2xx. */
export function answerError(path: string, status: number, body: string, host: EngineHost): DockerError {
  const text = message(body) ?? body.trim().slice(0, 200);
  const hint = /HTTP request to an HTTPS server/.test(text)
    ? ' (set DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH)'
    : '';
  return new DockerError(
    'protocol',
    `Docker at ${host.endpoint} answered ${status} to ${path}: ${text}${hint}`,
  );
}

function message(body: string): string | undefined {
  try {
    const value = (JSON.parse(body) as { message?: unknown }).message;
    return typeof value === 'string' ? value : undefined;
  } catch {
    return undefined;
  }
}
