import type { ReadyMade } from './parts.ts';
import {
  eachInstance,
  eachService,
  endInstances,
  endServices,
  proxyConvention,
  proxySettings,
} from './parts.ts';

/** `caddy reload` hands the new configuration to the running server, which keeps its listeners. */
export const caddy: ReadyMade = {
  name: 'caddy',
  summary: 'sites with reverse_proxy, to be imported by the Caddyfile',
  destination: '/etc/caddy/portolan.caddy',
  check: 'caddy validate --adapter caddyfile --config /etc/caddy/Caddyfile',
  command: 'caddy reload --adapter caddyfile --config /etc/caddy/Caddyfile',
  setup: ['The Caddyfile has the line: import /etc/caddy/portolan.caddy'],
  template: `{{- /*
Caddy 2 as a reverse proxy: sites to be imported by the Caddyfile. Unequal weights need Caddy 2.8.

${proxyConvention}
  proxy/caddy/scheme    before each host; default http:// (https:// lets Caddy obtain certificates)
  proxy/caddy/port      after each host and of the site for unknown hosts; default 80 (443 with https://)
*/ -}}
${proxySettings}
{{- $scheme := keyOrDefault "proxy/caddy/scheme" "http://" }}
{{- $port := keyOrDefault "proxy/caddy/port" "80" -}}
# Rendered from a template: changes to this file are lost.

{{ $scheme }}:{{ $port }} {
	header Retry-After 1
	respond "No instance can take this request." 503
}
${eachService}
{{- $weights := "" }}
{{- $unequal := false }}
${eachInstance}
{{- if gt $weight 1 }}{{ $unequal = true }}{{ end }}
{{- $instances = printf "%s %s" $instances $at }}
{{- $weights = printf "%s %d" $weights $weight }}
${endInstances}

{{ $scheme }}{{ $host }}:{{ $port }} {
	reverse_proxy{{ $instances }} {
		lb_policy {{ if $unequal }}weighted_round_robin{{ $weights }}{{ else }}round_robin{{ end }}
		# A request that no instance has seen yet goes to the next one.
		lb_retries 3
		fail_duration 2s
		transport http {
			dial_timeout 2s
		}
	}
}
${endServices}
`,
};
