import { BlockList, isIP } from 'node:net';

/** Who may do what by configuration, before any token is looked at. */
export interface AccessOptions {
  /** Path prefixes that are answered with 403. */
  readonly blockEndpoints: readonly string[];
  /** CIDRs that may send anything but reads; empty = everyone. */
  readonly allowWriteFrom: readonly string[];
}

export class AccessRules {
  readonly #blocked: readonly string[];
  readonly #writers: BlockList | undefined;

  /** Throws when a CIDR can't be read. */
  constructor(options: AccessOptions) {
    this.#blocked = options.blockEndpoints;
    this.#writers = options.allowWriteFrom.length === 0 ? undefined : parseCidrs(options.allowWriteFrom);
  }

  /** Why a request is refused, or undefined. */
  refuses(method: string, path: string, remoteAddress: string): string | undefined {
    if (this.#blocked.some((prefix) => path.startsWith(prefix))) {
      return 'Endpoint is blocked by agent configuration';
    }
    const reads = method === 'GET' || method === 'HEAD' || method === 'OPTIONS';
    if (this.#writers === undefined || reads) return undefined;
    return contains(this.#writers, remoteAddress) ? undefined : 'Access is restricted';
  }
}

function parseCidrs(cidrs: readonly string[]): BlockList {
  const list = new BlockList();
  for (const cidr of cidrs) {
    const [network = '', prefix = ''] = cidr.split('/');
    const version = isIP(network);
    if (version === 0 || !/^\d+$/.test(prefix))
      throw new Error(`allow_write_http_from: "${cidr}" is not a CIDR`);
    list.addSubnet(network, Number(prefix), version === 6 ? 'ipv6' : 'ipv4');
  }
  return list;
}

function contains(list: BlockList, address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice(7) : address;
  const version = isIP(plain);
  return version !== 0 && list.check(plain, version === 6 ? 'ipv6' : 'ipv4');
}
