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
  setup: [
    'The Caddyfile has the line: import /etc/caddy/portolan.caddy',
    'A reload of Caddy resets connections that are not accepted yet, unless: sysctl net.ipv4.tcp_migrate_req=1',
  ],
  template: `{{- /*
Caddy 2 as a reverse proxy: sites to be imported by the Caddyfile. An instance stands in its list as often as it weighs,
ten times at most: that works in every Caddy 2, before weighted_round_robin too.

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
{{- $most := 0 }}
{{- $least := 65536 }}
${eachInstance}
{{- $most = maximum $most $weight }}
{{- $least = minimum $least $weight }}
{{- $instances = printf "%s %s=%d" $instances $at $weight }}
${endInstances}
{{- $upstreams := "" }}
{{- range $instances | trimSpace | split " " }}
{{- $one := split "=" . }}
{{- $times := parseInt (index $one 1) }}
{{- if gt $most 10 }}{{ $times = multiply 10 $times | divide $most | maximum 1 }}{{ end }}
{{- if eq $most $least }}{{ $times = 1 }}{{ end }}
{{- range loop $times }}{{ $upstreams = printf "%s %s" $upstreams (index $one 0) }}{{ end }}
{{- end }}

{{ $scheme }}{{ $host }}:{{ $port }} {
	reverse_proxy{{ $upstreams }} {
		lb_policy round_robin
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
