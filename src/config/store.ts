/** Where the catalog is kept: `store = "etcd://…"`, or a block `store { url = … }` with what else it takes. */
import type { StoreConfig } from './config.ts';
import { ConfigError } from './config-error.ts';
import { type Decoder, type Decoded, duration, section, string } from './decode.ts';

const fields = {
  url: string,
  namespace: string,
  user: string,
  password: string,
  ca_file: string,
  cert_file: string,
  key_file: string,
  ttl: duration(2000),
};

type RawStore = Decoded<typeof fields>;

const block = section(fields);

/** A text is the block's `url`. */
export const storeBlock: Decoder<RawStore> & { readonly fields: typeof fields } = {
  fields,
  decode: (values, path, context) => {
    const blocks = values.map((value) => {
      if (value.kind !== 'leaf') return value;
      return { kind: 'object' as const, entries: [{ key: 'url', at: value.at, value }], at: value.at };
    });
    return block.decode(blocks, path, context);
  },
};

export function storeConfig(raw: RawStore | undefined, dev: boolean): StoreConfig {
  const { url = '', ...rest } = raw ?? {};
  const isEtcd = /^etcds?:\/\//.test(url);
  if (url !== '' && url !== 'embedded' && !isEtcd) {
    const message = `store: "${url}" is no store: leave it out, or give etcd://host:2379,host:2379/prefix`;
    throw new ConfigError('invalid-value', message);
  }
  if (isEtcd && dev) {
    throw new ConfigError('conflict', 'store: -dev keeps everything in memory: leave out -dev, or the store');
  }
  return {
    url: isEtcd ? url : '',
    namespace: rest.namespace ?? '',
    user: rest.user ?? '',
    password: rest.password ?? '',
    caFile: rest.ca_file ?? '',
    certFile: rest.cert_file ?? '',
    keyFile: rest.key_file ?? '',
    ttlSeconds: (rest.ttl ?? 7000) / 1000,
  };
}
