/** A socket that could not be opened; the text names address, port and what can be done. */
export class DnsError extends Error {
  override readonly name = 'DnsError';
  readonly code: 'address-in-use' | 'no-permission' | 'no-such-address' | 'listen-failed';

  constructor(code: DnsError['code'], message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.code = code;
  }
}

/** What the system said about a bind -> what the user can do. */
export function listenError(cause: unknown, transport: 'udp' | 'tcp', host: string, port: number): DnsError {
  const place = `DNS cannot listen on ${transport} ${host.includes(':') ? `[${host}]` : host}:${port}`;
  switch ((cause as { code?: unknown }).code) {
    case 'EADDRINUSE':
      return new DnsError(
        'address-in-use',
        `${place}: the port is taken; stop what listens there or choose another with -dns-port (-1 turns DNS off)`,
        { cause },
      );
    case 'EACCES':
    case 'EPERM':
      return new DnsError(
        'no-permission',
        `${place}: not permitted; ports below 1024 need root or CAP_NET_BIND_SERVICE, others can be chosen with -dns-port`,
        { cause },
      );
    case 'EADDRNOTAVAIL':
      return new DnsError(
        'no-such-address',
        `${place}: this machine has no such address; set -client or addresses.dns to one that it has`,
        { cause },
      );
    default:
      return new DnsError(
        'listen-failed',
        `${place}: ${cause instanceof Error ? cause.message : String(cause)}`,
        {
          cause,
        },
      );
  }
}
