import type { ReadyMade } from './parts.ts';
import {
  eachInstance,
  eachService,
  endInstances,
  endServices,
  proxyConvention,
  proxySettings,
} from './parts.ts';

/** varnishreload loads the VCL beside the one in use, switches over in one step and discards those that nobody uses. */
export const varnish: ReadyMade = {
  name: 'varnish',
  summary: 'backends, directors and host rules (VCL 4.1)',
  destination: '/etc/varnish/portolan.vcl',
  // It prints the whole of the C code that it made.
  check: 'said=$(varnishd -C -f "$PORTOLAN_CANDIDATE" 2>&1) || { echo "$said"; exit 1; }',
  command: '/usr/share/varnish/varnishreload -m 3 /etc/varnish/portolan.vcl',
  setup: [
    'varnishd starts with -f /etc/varnish/portolan.vcl; render it once before: portolan template -once -config …',
    'Elsewhere than on Debian varnishreload is on the PATH; for varnishd -n NAME it takes the same -n NAME.',
  ],
  template: `{{- /*
Varnish as a caching reverse proxy: the whole VCL. What may be cached, the built-in VCL decides; add to it below.

${proxyConvention}
*/ -}}
${proxySettings}
{{- $directors := "" }}
{{- $rules := "" }}
{{- $again := "" -}}
# Rendered from a template: changes to this file are lost.
vcl 4.1;

import directors;
import std;

backend default none;
${eachService}
{{- $count := 0 }}
{{- $members := "" }}
${eachInstance}
{{- $count = add $count 1 }}
{{- $backend := printf "s-%s-%d" $name $count }}
{{- $fields := printf ".host = \\"%s\\"; .port = \\"%d\\"; .connect_timeout = 2s;" .Address .Port }}
{{- $instances = printf "%sbackend %s { %s }\\n" $instances $backend $fields }}
{{- $members = printf "%s  d-%s.add_backend(%s, %d);\\n  r-%s.add_backend(%s);\\n" $members $name $backend $weight $name $backend }}
${endInstances}
{{- $directors = printf "%s  new d-%s = directors.random();\\n  new r-%s = directors.round_robin();\\n%s" $directors $name $name $members }}
{{- $again = printf "%s  if (bereq.retries == 1 && bereq.backend == d-%s.backend()) {\\n    set bereq.backend = r-%s.backend();\\n  }\\n" $again $name $name }}
{{- $rules = printf "%sif (req.http.x-portolan-host == \\"%s\\") {\\n    set req.backend_hint = d-%s.backend();\\n  } else " $rules $host $name }}

{{ $instances -}}
${endServices}

sub vcl_init {
{{ $directors }}  return (ok);
}

sub vcl_recv {
  set req.http.x-portolan-host = std.tolower(regsub(req.http.host, ":[0-9]+$", ""));
{{ if $rules }}  {{ $rules }}{
    return (synth(503));
  }
{{ else }}  return (synth(503));
{{ end }}  unset req.http.x-portolan-host;
}

sub vcl_synth {
  if (resp.status == 503) {
    set resp.http.Retry-After = "1";
  }
}

# A request that changes nothing is tried again, on one instance after the other.
sub vcl_backend_fetch {
{{ $again }}}

sub vcl_backend_error {
  if (bereq.retries < 3 && (bereq.method == "GET" || bereq.method == "HEAD")) {
    return (retry);
  }
}
`,
};
