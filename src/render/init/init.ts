/** Ready-made templates and the stanza that goes with each: one line a program. */
import { apache } from './apache.ts';
import { caddy } from './caddy.ts';
import { haproxy } from './haproxy.ts';
import { hosts } from './hosts.ts';
import { nginx } from './nginx.ts';
import type { ReadyMade } from './parts.ts';
import { prometheus } from './prometheus.ts';
import { varnish } from './varnish.ts';

export const readyMade: readonly ReadyMade[] = [nginx, haproxy, caddy, apache, varnish, prometheus, hosts];

/** The configuration of one, for `portolan template -config` and for an agent. `source` is the template's path. */
export function stanzaOf(one: ReadyMade, source: string): string {
  const setup = one.setup.map((line) => `# ${line}\n`).join('');
  const check = one.check === '' ? '' : `  check       = ${hclString(one.check)}\n`;
  const command = one.command === '' ? '' : `  command     = ${hclString(one.command)}\n`;
  return `# ${one.name}: ${one.summary}. consul-template reads this file too, without the key check.
${setup}template {
  source      = ${hclString(source)}
  destination = ${hclString(one.destination)}
${check}${command}  # Rendered after min without another change, at the latest after max.
  wait {
    min = "100ms"
    max = "2s"
  }
}
`;
}

/** The template, with the stanza in a comment at its head. */
export function templateOf(one: ReadyMade, source: string): string {
  const stanza = stanzaOf(one, source)
    .trimEnd()
    .split('\n')
    .map((line) => (line === '' ? line : `  ${line}`))
    .join('\n');
  return one.template.replace(
    '\n*/ -}}',
    () => `\n\nConfiguration, for portolan template -config FILE or an agent:\n\n${stanza}\n*/ -}}`,
  );
}

function hclString(text: string): string {
  return JSON.stringify(text);
}
