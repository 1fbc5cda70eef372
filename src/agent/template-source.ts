/** The source of `portolan template`: a Consul HTTP API as the configuration says. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TemplateLoad } from '../config/template-config.ts';
import { fileProblem } from '../lib/file-problem.ts';
import { Client } from '@portolan/sdk';
import { fetch as undiciFetch } from 'undici';
import type { Logger } from '../lib/log.ts';
import { openConnection } from '../render/connection.ts';
import { Dedup } from '../render/dedup.ts';
import { HttpSource } from '../render/source-http.ts';
import { LastGoodSource } from '../render/source-last-good.ts';
import type { Source } from '../render/source.ts';
import { AgentError } from './errors.ts';

export type SourceSettings = Pick<
  TemplateLoad,
  'consul' | 'dedup' | 'maxStaleMs' | 'queryWaitMs' | 'stateDir'
>;

/** What two runs must have in common to share their data: the token is the one that its file holds now. */
export function sourceSettings(load: TemplateLoad): SourceSettings {
  const { consul, dedup, maxStaleMs, queryWaitMs, stateDir } = load;
  return { consul: { ...consul, token: tokenOf(load) }, dedup, maxStaleMs, queryWaitMs, stateDir };
}

function tokenOf({ consul: { token, tokenFile } }: TemplateLoad): string {
  if (tokenFile === '') return token;
  try {
    return readFileSync(tokenFile, 'utf8').trim() || token;
  } catch (cause) {
    throw new AgentError('template', `token_file ${tokenFile}: ${fileProblem(cause)}`, { cause });
  }
}

/** `onGivenUp` is called when the configured number of failures in a row is reached. */
export function openSource(settings: SourceSettings, onGivenUp: (error: Error) => void): Source {
  const { consul, maxStaleMs, queryWaitMs } = settings;
  const connection = connect(consul, onGivenUp);
  return new HttpSource({
    address: connection.address,
    // A socket has no host of its own.
    name: consul.address,
    dispatcher: connection.dispatcher,
    ...(consul.token === '' ? {} : { token: consul.token }),
    waitMs: queryWaitMs,
    maxStaleMs,
    retry: { minMs: consul.retry.backoffMs, maxMs: consul.retry.maxBackoffMs },
  });
}

/** The same source with a memory of its answers; what runs once takes the server's word or none. */
export function withMemory(
  source: Source,
  { stateDir, once }: Pick<TemplateLoad, 'stateDir' | 'once'>,
  log: Logger,
): Source {
  if (stateDir === '' || once) return source;
  return new LastGoodSource({ directory: join(stateDir, 'answers') }, { source, log: log.child('render') });
}

/** Each template that is led or followed has a held query; they stand beside the source's own budget. */
const dedupSockets = 128;

export interface OpenDedup {
  readonly dedup: Dedup;
  readonly close: () => Promise<void>;
}

/** undefined: nothing is shared. */
export function openDedup(settings: SourceSettings, source: Source, log: Logger): OpenDedup | undefined {
  const { consul, dedup: options } = settings;
  if (options === null) return undefined;
  const transport = { ...consul.transport, maxConnections: dedupSockets };
  const { address, dispatcher } = openConnection({ ...consul, transport, attempts: 0 }, () => {});
  const client = new Client({
    address,
    ...(consul.token === '' ? {} : { token: consul.token }),
    fetch: async (url, init) => {
      // undici's own types and the runtime's describe the same objects.
      const request = { ...init, dispatcher } as unknown as Parameters<typeof undiciFetch>[1];
      return (await undiciFetch(url, request)) as unknown as Response;
    },
  });
  const dedup = new Dedup(options, { client, source, log: log.child('dedup') });
  return {
    dedup,
    close: async () => {
      await dedup.close();
      await dispatcher.destroy();
    },
  };
}

function connect(
  consul: TemplateLoad['consul'],
  onGivenUp: (error: Error) => void,
): ReturnType<typeof openConnection> {
  try {
    return openConnection({ ...consul, attempts: consul.retry.attempts }, onGivenUp);
  } catch (cause) {
    const { path } = cause as NodeJS.ErrnoException;
    const place = path === undefined ? '' : ` ${path}:`;
    const text = `consul ssl:${place} ${fileProblem(cause)}; name files that can be read`;
    throw new AgentError('template', text, { cause });
  }
}

/** What commands and templates see of how the source is reached, under Consul's own names. */
export function consulEnvironment({ consul }: SourceSettings): Readonly<Record<string, string>> {
  const { address, auth, token, tokenFile, tls } = consul;
  return {
    CONSUL_HTTP_ADDR: /^(https?|unix):/.test(address)
      ? address
      : `${tls === null ? 'http' : 'https'}://${address}`,
    ...(auth === null ? {} : { CONSUL_HTTP_AUTH: `${auth.username}:${auth.password}` }),
    ...(token === '' ? {} : { CONSUL_HTTP_TOKEN: token }),
    ...(tokenFile === '' ? {} : { CONSUL_HTTP_TOKEN_FILE: tokenFile }),
    ...(tls === null ? {} : { CONSUL_HTTP_SSL: 'true', CONSUL_HTTP_SSL_VERIFY: String(tls.verify) }),
  };
}
