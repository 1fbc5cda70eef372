/** A node: one agent's host, or an external host that somebody registered. */
export interface Node {
  /** Lower-case UUID, or '' for an external node that was registered without one. */
  readonly id: string;
  readonly name: string;
  /** IP address or, for external nodes, a host name. */
  readonly address: string;
  /** `lan`, `wan`, `lan_ipv4`... -> address; null if never set. */
  readonly taggedAddresses: Readonly<Record<string, string>> | null;
  readonly meta: Readonly<Record<string, string>> | null;
}
