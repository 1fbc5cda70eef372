import type { ReadyMade } from './parts.ts';
import {
  eachInstance,
  eachService,
  endInstances,
  endServices,
  proxyConvention,
  proxySettings,
} from './parts.ts';

/**
 * SIGUSR2 to the master: it starts a new worker that is handed the listening sockets, and the old one ends its requests.
 * Without master-worker mode (-W, or -Ws as Debian has it) the signal would end the process.
 */
export const haproxy: ReadyMade = {
  name: 'haproxy',
  summary: 'a frontend and backends, beside your global section',
  destination: '/etc/haproxy/portolan.cfg',
  check: 'haproxy -c -q -f /etc/haproxy/haproxy.cfg -f "$PORTOLAN_CANDIDATE"',
  command: 'kill -USR2 $(cat /run/haproxy.pid)',
  setup: [
    'haproxy.cfg keeps the section global; HAProxy runs in master-worker mode (-W, -Ws) and reads both files.',
    'Debian: EXTRAOPTS="-f /etc/haproxy/portolan.cfg -S /run/haproxy-master.sock" in /etc/default/haproxy.',
  ],
  template: `{{- /*
HAProxy as a reverse proxy: frontend, backends and their defaults, to be read after a file with the section global.

${proxyConvention}
  proxy/haproxy/bind    of the bind directive; default *:80
*/ -}}
${proxySettings}
{{- $bind := keyOrDefault "proxy/haproxy/bind" "*:80" }}
{{- $rules := "" -}}
# Rendered from a template: changes to this file are lost.

defaults portolan
  mode http
  log global
  option httplog
  option dontlognull
  option forwardfor
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
  timeout http-request 10s
  timeout queue 5s
  balance roundrobin
  # A request that could not be handed over goes to another server.
  retries 3
  retry-on conn-failure empty-response
  option redispatch 1
  # A name that cannot be resolved now is no reason to refuse the whole file.
  default-server check inter 2s fall 2 rise 1 init-addr last,libc,none
${eachService}
${eachInstance}
{{- $instances = printf "%s  server %s:%d %s weight %d\\n" $instances .Address .Port $at (minimum 256 $weight) }}
${endInstances}
{{- $rules = printf "%s  use_backend portolan-%s if { var(txn.host) -m str %s }\\n" $rules $name $host }}

backend portolan-{{ $name }}
{{ $instances -}}
${endServices}

backend portolan-none
  http-request return status 503 content-type text/plain string "No instance can take this request." hdr Retry-After 1

frontend portolan
  bind {{ $bind }}
  http-request set-var(txn.host) req.hdr(host),field(1,:),lower
{{ $rules }}  default_backend portolan-none
`,
};
