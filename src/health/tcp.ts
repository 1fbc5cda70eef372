import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { CheckKind } from '../model/registration.ts';
import { goDialTimeout, goNetworkError } from './go-error.ts';
import type { Probe, ProbeResult } from './probe.ts';

type TcpKind = Extract<CheckKind, { type: 'tcp' }>;

/** Passing when a connection (with `tls`: a TLS session) can be opened; it is closed at once. */
export const probeTcp: Probe<TcpKind> = (kind, _limits, signal) => {
  const target = splitHostPort(kind.address);
  if (typeof target === 'string') return Promise.resolve(critical(target));
  return new Promise((resolve) => {
    const socket = open(kind, target);
    const end = (result: ProbeResult): void => {
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(result);
    };
    const onAbort = (): void => end(critical(goDialTimeout(kind.address)));
    socket.once(kind.tls ? 'secureConnect' : 'connect', () =>
      end({ status: 'passing', output: `TCP connect ${kind.address}: Success` }),
    );
    // Stays after the end: a destroyed socket may still have something to say, and nobody else listens.
    socket.on('error', (error) => end(critical(goNetworkError(error, kind.address))));
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
};

interface HostPort {
  readonly host: string;
  readonly port: number;
}

function open(kind: TcpKind, { host, port }: HostPort): Socket {
  if (!kind.tls) return connectPlain({ host, port });
  const name = kind.tlsServerName === undefined || kind.tlsServerName === '' ? host : kind.tlsServerName;
  return connectTls({
    host,
    port,
    rejectUnauthorized: kind.tlsSkipVerify !== true,
    // Server names are for DNS names only (RFC 6066, section 3).
    ...(isIP(name) === 0 ? { servername: name } : {}),
  });
}

/** `host:port`, `[v6]:port` or `:port`; otherwise what Go says about it. */
function splitHostPort(address: string): HostPort | string {
  const match = /^(?:\[([^\]]*)\]|([^:]*)):(\d+)$/.exec(address);
  if (match === null) {
    const fault = /:[^:]*:/.test(address.replace(/\[.*\]/, ''))
      ? 'too many colons in address'
      : 'missing port in address';
    return `dial tcp: address ${address}: ${fault}`;
  }
  const port = Number(match[3]);
  if (port > 65535) return `dial tcp: address ${match[3]}: invalid port`;
  const host = match[1] ?? match[2] ?? '';
  return { host: host === '' ? 'localhost' : host, port };
}

function critical(output: string): ProbeResult {
  return { status: 'critical', output };
}
