import type { ReadyMade } from './parts.ts';

/** Prometheus watches the files of file_sd_configs itself: targets come and go without a reload. */
export const prometheus: ReadyMade = {
  name: 'prometheus',
  summary: 'scrape targets with labels (file_sd)',
  destination: '/etc/prometheus/portolan.yml',
  check: 'promtool check config /etc/prometheus/prometheus.yml',
  command: '',
  setup: [
    'prometheus.yml: scrape_configs: [{ job_name: services, file_sd_configs: [{ files: [/etc/prometheus/portolan.yml] }] }]',
    'Prometheus notices the new file by itself: there is no command.',
  ],
  template: `{{- /*
Prometheus: a file of targets for file_sd_configs, one group an instance.

Every instance with the tag \`metrics\` is scraped, critical ones too: an instance that is down is what a monitor is to see.
Instances in maintenance are left out. In the meta of an instance, all optional:
  metrics_port      instead of its port
  metrics_path      default /metrics
  metrics_scheme    default http
Labels: service, service_id, node, tags (",a,b,", so that a rule can look for ",a,").
*/ -}}
{{- $tag := "metrics" -}}
# Rendered from a template: changes to this file are lost.
{{- $targets := "" }}
{{- range services }}
{{- if .Tags | contains $tag }}
{{- if .Name | regexMatch "^[0-9A-Za-z_-]+$" }}
{{- range service (printf "%s.%s|passing,warning,critical" $tag .Name) }}
{{- $port := printf "%d" .Port }}
{{- $own := index .ServiceMeta "metrics_port" }}
{{- if $own | regexMatch "^[1-9][0-9]{0,4}$" }}{{ $port = $own }}{{ end }}
{{- $at := printf "%s:%s" .Address $port }}
{{- if .Address | contains ":" }}{{ $at = printf "[%s]:%s" .Address $port }}{{ end }}
{{- $path := index .ServiceMeta "metrics_path" }}
{{- $scheme := index .ServiceMeta "metrics_scheme" }}
{{- if and (ne $port "0") (.Address | regexMatch "^[0-9A-Za-z.:_-]+$") }}{{ $targets = "some" }}
- targets: [{{ $at | toJSON }}]
  labels:
    service: {{ .Name | toJSON }}
    service_id: {{ .ID | toJSON }}
    node: {{ .Node | toJSON }}
    tags: {{ printf ",%s," (.Tags | join ",") | toJSON }}
{{- if $path | regexMatch "^/" }}
    __metrics_path__: {{ $path | toJSON }}
{{- end }}
{{- if $scheme | regexMatch "^https?$" }}
    __scheme__: {{ $scheme | toJSON }}
{{- end }}
{{- end }}{{ end }}
{{- else }}
# {{ printf "%q" .Name }} is left out: its name cannot be asked for.
{{- end }}{{ end }}{{ end }}
{{- if not $targets }}
[]
{{- end }}
`,
};
