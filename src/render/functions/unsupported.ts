/** consul-template's functions that need a Vault or a Nomad server: a template that names one is refused when it is parsed. */
import { TemplateError } from '../../template/errors.ts';

/** By name, the server that the function would ask. */
export const unsupportedFunctions: ReadonlyMap<string, 'Vault' | 'Nomad'> = new Map([
  ...(['secret', 'secrets', 'pkiCert', 'pkiSign'] as const).map((name) => [name, 'Vault'] as const),
  ...(
    [
      'nomadServices',
      'nomadService',
      'nomadVar',
      'nomadVarExists',
      'nomadVarList',
      'nomadVarListSafe',
    ] as const
  ).map((name) => [name, 'Nomad'] as const),
]);

/** Runs a parser; its complaint about such a function says why there is none. */
export function explainUnsupported<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof TemplateError)) throw error;
    const name = /function "(\w+)" not defined$/.exec(error.message)?.[1] ?? '';
    const server = unsupportedFunctions.get(name);
    if (server === undefined) throw error;
    const { phase, template, line } = error;
    throw new TemplateError(`${error.message}: it needs ${server}, which Portolan does not talk to`, {
      phase,
      name: template,
      line,
      cause: error,
    });
  }
}
