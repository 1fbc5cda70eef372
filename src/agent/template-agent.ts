/** `portolan template`: the runner alone, on any Consul HTTP API. */
import type { TemplateLoad } from '../config/load-template.ts';
import { systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import { TemplateRunner } from '../render/runner.ts';
import { HttpSource } from '../render/source-http.ts';
import { templateSpecs } from './templates.ts';

export interface TemplateRun extends TemplateLoad {
  readonly dry: boolean;
}

export interface TemplateRunDeps {
  readonly log: Logger;
  readonly signal: AbortSignal;
  /** Where dry runs print. */
  readonly print: (text: string) => void;
}

/** Runs until `signal` aborts, or until every template was rendered with `once`. False when one of them has failed. */
export async function runTemplates(
  run: TemplateRun,
  { log, signal, print }: TemplateRunDeps,
): Promise<boolean> {
  const specs = templateSpecs(run.templates);
  const source = new HttpSource({
    address: run.consulAddress,
    ...(run.consulToken === '' ? {} : { token: run.consulToken }),
    waitMs: run.queryWaitMs,
    maxStaleMs: run.maxStaleMs,
  });
  const address = /^https?:/.test(run.consulAddress) ? run.consulAddress : `http://${run.consulAddress}`;
  const environment = { CONSUL_HTTP_ADDR: address };
  const runner = new TemplateRunner(
    { templates: specs, once: run.once, dry: run.dry, wait: run.wait, stateDir: undefined, environment },
    { source, log: log.child('render'), clock: systemClock, print },
  );
  try {
    log.info({ source: run.consulAddress, templates: specs.length }, 'following');
    await runner.run(signal);
    return runner.status().every(({ state }) => state !== 'failed' && state !== 'broken');
  } finally {
    await source.close();
  }
}
