/** Flags of consul-template for what is not behind Portolan: accepted with a warning. Source: template.md 3.1. */

export interface ForeignFlag {
  /** Without dashes. */
  readonly name: string;
  readonly type: 'boolean' | 'value';
  readonly program: 'Vault' | 'Nomad';
}

/** Booleans end with `?`. What says how either is reached is the same. */
const reached =
  'addr namespace token retry? retry-attempts retry-backoff retry-max-backoff ssl? ssl-ca-cert ssl-ca-path ssl-cert ' +
  'ssl-key ssl-server-name ssl-verify? transport-dial-keep-alive transport-dial-timeout ' +
  'transport-disable-keep-alives? transport-idle-conn-timeout transport-max-conns-per-host ' +
  'transport-max-idle-conns transport-max-idle-conns-per-host transport-tls-handshake-timeout';

const vault =
  'agent-token-file client-user-agent default-lease-duration grace k8s-auth-role-name k8s-service-account-token ' +
  'k8s-service-account-token-path k8s-service-mount-path lease-renewal-threshold renew-token? token-file unwrap-token?';

const nomad = 'auth-username auth-password';

export const foreignFlags: readonly ForeignFlag[] = [
  ...flagsOf('Vault', `${reached} ${vault}`),
  ...flagsOf('Nomad', `${reached} ${nomad}`),
];

function flagsOf(program: ForeignFlag['program'], words: string): readonly ForeignFlag[] {
  return words.split(' ').map((word) => ({
    name: `${program.toLowerCase()}-${word.replace('?', '')}`,
    type: word.endsWith('?') ? 'boolean' : 'value',
    program,
  }));
}
