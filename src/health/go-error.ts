import { hostPort } from '../lib/host-port.ts';

/** Node's network errors in the words that Consul's users (and their alerts) know: those of Go's net package. */

const connectTexts: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  EADDRNOTAVAIL: 'connect: cannot assign requested address',
  EACCES: 'connect: permission denied',
  EPERM: 'connect: operation not permitted',
  EMFILE: 'socket: too many open files',
  EINVAL: 'connect: invalid argument',
  ETIMEDOUT: 'i/o timeout',
  UND_ERR_CONNECT_TIMEOUT: 'i/o timeout',
};

const tlsTexts: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate signed by unknown authority',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate signed by unknown authority',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate signed by unknown authority',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate signed by unknown authority',
  CERT_HAS_EXPIRED: 'certificate has expired or is not yet valid',
  CERT_NOT_YET_VALID: 'certificate has expired or is not yet valid',
};

/** `dial tcp 127.0.0.1:1: connect: connection refused` and its kin. `address` is `host:port`, as configured. */
export function goNetworkError(error: unknown, address: string): string {
  const { code, message, hostname, reason, address: ip, port } = firstError(error);
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${hostname ?? hostOf(address)}: no such host`;
  if (code === 'EAI_AGAIN') return `dial tcp: lookup ${hostname ?? hostOf(address)}: server misbehaving`;
  const connect = code === undefined ? undefined : connectTexts[code];
  if (connect !== undefined) {
    return `dial tcp ${ip === undefined || port === undefined ? address : hostPort(ip, port)}: ${connect}`;
  }
  if (code === 'ECONNRESET') return `read tcp ${address}: read: connection reset by peer`;
  if (code === 'UND_ERR_SOCKET') return 'EOF';
  if (code === 'EPROTO' || code === 'ERR_SSL_WRONG_VERSION_NUMBER')
    return 'http: server gave HTTP response to HTTPS client';
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID')
    return `tls: failed to verify certificate: x509: ${reason ?? message}`;
  const tls = code === undefined ? undefined : tlsTexts[code];
  return tls === undefined ? message : `tls: failed to verify certificate: x509: ${tls}`;
}

/** The text of a dial that took too long. */
export function goDialTimeout(address: string): string {
  return `dial tcp ${address}: i/o timeout`;
}

interface Cause {
  readonly code?: string;
  readonly message: string;
  readonly hostname?: string;
  readonly reason?: string;
  readonly address?: string;
  readonly port?: number;
}

/** When several addresses of a host were tried, Go tells about the first. */
function firstError(error: unknown): Cause {
  if (error instanceof AggregateError && error.errors.length > 0) return firstError(error.errors[0]);
  if (error instanceof Error) {
    const cause = error as Error & Cause;
    // undici wraps what the socket said.
    if (cause.code === undefined && error.cause instanceof Error) return firstError(error.cause);
    return cause;
  }
  return { message: String(error) };
}

function hostOf(address: string): string {
  return address.replace(/:\d*$/, '');
}
