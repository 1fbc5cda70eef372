/** Single requests to the source of `portolan template`, as its configuration reaches it. */
import type { TemplateLoad } from '../config/template-config.ts';
import { fileProblem } from '../lib/file-problem.ts';
import { openConnection } from '../render/connection.ts';
import { ConsulQueries } from '../render/consul-queries.ts';
import type { Asker } from '../render/explain.ts';
import { AgentError } from './errors.ts';
import { consulEnvironment, sourceSettings } from './template-source.ts';

export interface TemplateAsker extends Asker {
  /** What templates see of how the source is reached. */
  readonly environment: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Throws AgentError when a certificate or token file can't be read. */
export function openAsker(load: TemplateLoad): TemplateAsker {
  const settings = sourceSettings(load);
  const { consul } = settings;
  const { address, dispatcher } = connect(consul);
  const queries = new ConsulQueries({
    address,
    dispatcher,
    ...(consul.token === '' ? {} : { token: consul.token }),
  });
  return {
    environment: consulEnvironment(settings),
    ask: (query, options) => queries.ask(query, options),
    close: () => queries.close(),
  };
}

function connect(consul: TemplateLoad['consul']): ReturnType<typeof openConnection> {
  try {
    return openConnection({ ...consul, attempts: 0 }, () => {});
  } catch (cause) {
    throw new AgentError('template', `consul ssl: ${fileProblem(cause)}; name files that can be read`, {
      cause,
    });
  }
}
