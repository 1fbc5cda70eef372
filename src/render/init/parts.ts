/** Pieces that the templates for reverse proxies share. All of it is consul-template's language. */

/** A program that `portolan template init` knows: what it prints, and what it writes with `--dir`. */
export interface ReadyMade {
  readonly name: string;
  /** One line for --help. */
  readonly summary: string;
  /** Where the rendered file goes. */
  readonly destination: string;
  /** Judges the file; '' for none. In place when it does not name `$PORTOLAN_CANDIDATE`. */
  readonly check: string;
  /** Makes the program take the file over without losing a request; '' when it watches the file. */
  readonly command: string;
  /** What must be there first, one line each. */
  readonly setup: readonly string[];
  readonly template: string;
}

/** Which services there are, and how one is configured. */
export const proxyConvention = `Every service that bears the tag \`http\` gets a virtual host NAME.DOMAIN, or the name in its meta \`host\`. Its instances
with that tag whose checks pass or warn are balanced, by Consul's weights (an instance that warns has the weight for
warnings; 0 keeps it out). Instances in maintenance, with a critical check or without a port are left out. When none is
left, and for hosts that nobody knows, the answer is 503. A service with another letter than A-Z a-z 0-9 - _ in its name
is left out with a comment, and so is a second one for the same host. Read from the KV store, as they change:
  proxy/domain          DOMAIN; default localhost`;

/** The variables that the loops use. */
export const proxySettings = `{{- $tag := "http" }}
{{- $domain := keyOrDefault "proxy/domain" "localhost" }}`;

/** Opens the loop over services: $name is safe in every configuration file, $host is lower-case, $instances gathers text. */
export const eachService = `{{- range services }}
{{- if .Tags | contains $tag }}
{{- $name := .Name | toLower | replaceAll "_" "-" }}
{{- $host := printf "%s.%s" $name $domain }}
{{- $usable := .Name | regexMatch "^[0-9A-Za-z_-]+$" }}
{{- $instances := "" }}`;

/** Opens the loop over its instances: $at is address and port as an URL has them, $weight is 1 or more. */
export const eachInstance = `{{- if $usable }}
{{- range service (printf "%s.%s|passing,warning" $tag .Name) }}
{{- $weight := maximum 1 .Weights.Passing }}
{{- if eq .Status "warning" }}{{ $weight = .Weights.Warning }}{{ end }}
{{- $at := printf "%s:%d" .Address .Port }}
{{- if .Address | contains ":" }}{{ $at = printf "[%s]:%d" .Address .Port }}{{ end }}
{{- $fits := .Address | regexMatch "^[0-9A-Za-z.:_-]+$" }}
{{- $twice := scratch.Key (printf "%s %s" $name $at) }}
{{- if and $fits (gt .Port 0) (gt $weight 0) (not $twice) }}
{{- scratch.Set (printf "%s %s" $name $at) true }}`;

/** Ends the loop over instances; $host is the service's own by now, and $fresh says that it is the first with it. */
export const endInstances = `{{- end }}
{{- $own := index .ServiceMeta "host" | toLower }}
{{- if $own | regexMatch "^[0-9a-z-]+([.][0-9a-z-]+)*$" }}{{ $host = $own }}{{ end }}
{{- end }}{{ end }}
{{- $fresh := not (or (scratch.Key $name) (scratch.Key (printf "host %s" $host))) }}
{{- if and $usable $fresh $instances }}
{{- scratch.Set $name true }}{{ scratch.Set (printf "host %s" $host) true }}`;

/** Ends the loop over services, with a comment on each that is left out. */
export const endServices = `{{- else }}
# {{ printf "%q" .Name }} is left out: {{ if not $usable }}its name cannot be asked for{{ else if not $instances }}no instance can take requests{{ else }}its name or host {{ $host }} is taken{{ end }}.
{{- end }}{{ end }}{{ end }}`;
