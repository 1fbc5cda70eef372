import type { ReadyMade } from './parts.ts';

/** Programs read /etc/hosts at each lookup, so nothing is reloaded; dnsmasq wants a SIGHUP. */
export const hosts: ReadyMade = {
  name: 'hosts',
  summary: 'addresses of nodes and services, as /etc/hosts has them',
  destination: '/etc/hosts.portolan',
  check: '',
  command: '',
  setup: [
    'A whole hosts file: for /etc/hosts itself make that the destination, after adding your own lines to the template.',
    'dnsmasq: addn-hosts=/etc/hosts.portolan, with command = "kill -HUP $(cat /run/dnsmasq/dnsmasq.pid)".',
  ],
  template: `{{- /*
A hosts file: localhost, every node, and one line for each address of a service whose checks pass or warn. Instances in
maintenance, with a critical check, or whose address is a name are left out; so are services with another letter than
A-Z a-z 0-9 - _ in their name. Read from the KV store, as they change:
  hosts/domain    after NAME.service. and NAME.node. ; default consul
*/ -}}
{{- $domain := keyOrDefault "hosts/domain" "consul" }}
{{- $ip := "^([0-9]+[.][0-9]+[.][0-9]+[.][0-9]+|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]*)$" -}}
# Rendered from a template: changes to this file are lost.
127.0.0.1 localhost
::1 localhost ip6-localhost ip6-loopback
{{- range nodes }}
{{- if and (.Address | regexMatch $ip) (.Node | regexMatch "^[0-9A-Za-z._-]+$") }}
{{ .Address }} {{ .Node | toLower }}.node.{{ $domain }} {{ .Node | toLower }}
{{- end }}{{ end }}
{{- range services }}
{{- if .Name | regexMatch "^[0-9A-Za-z_-]+$" }}
{{- $name := .Name | toLower }}
{{- range service (printf "%s|passing,warning" .Name) }}
{{- $twice := scratch.Key (printf "%s %s" .Address $name) }}
{{- if and (.Address | regexMatch $ip) (not $twice) }}
{{- scratch.Set (printf "%s %s" .Address $name) true }}
{{ .Address }} {{ $name }}.service.{{ $domain }}
{{- end }}{{ end }}
{{- end }}{{ end }}
`,
};
