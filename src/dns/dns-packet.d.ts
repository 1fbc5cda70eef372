/** The part of dns-packet, which brings no types, that tests use as an independent opinion. */
declare module 'dns-packet' {
  const packet: {
    readonly RECURSION_DESIRED: number;
    readonly DNSSEC_OK: number;
    encode(message: Record<string, unknown>): Buffer;
    decode(bytes: Uint8Array): {
      readonly answers?: readonly { readonly name: string; readonly type: string; readonly data?: unknown }[];
      readonly additionals?: readonly {
        readonly name: string;
        readonly type: string;
        readonly data?: unknown;
      }[];
    };
  };
  export = packet;
}
