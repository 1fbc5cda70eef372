import type { ReadyMade } from './parts.ts';
import {
  eachInstance,
  eachService,
  endInstances,
  endServices,
  proxyConvention,
  proxySettings,
} from './parts.ts';

/** `nginx -s reload`: new workers take over the listening sockets, the old ones end their requests. */
export const nginx: ReadyMade = {
  name: 'nginx',
  summary: 'virtual hosts and upstreams',
  destination: '/etc/nginx/conf.d/portolan.conf',
  check: 'nginx -q -t',
  command: 'nginx -s reload',
  setup: ['Debian: remove /etc/nginx/sites-enabled/default, which is a default_server of port 80 too.'],
  template: `{{- /*
nginx as a reverse proxy: this file belongs into the http block.

${proxyConvention}
  proxy/nginx/listen    of the listen directives; default 80
*/ -}}
${proxySettings}
{{- $listen := keyOrDefault "proxy/nginx/listen" "80" -}}
# Rendered from a template: changes to this file are lost.

map $http_upgrade $portolan_connection {
  default upgrade;
  ""      "";
}

server {
  listen {{ $listen }} default_server;
  server_name _;
  location / {
    add_header Retry-After 1 always;
    return 503;
  }
}
${eachService}
${eachInstance}
{{- $instances = printf "%s  server %s weight=%d;\\n" $instances $at $weight }}
${endInstances}

upstream portolan-{{ $name }} {
{{ $instances }}  keepalive 32;
}

server {
  listen {{ $listen }};
  server_name {{ $host }};
  location / {
    proxy_pass http://portolan-{{ $name }};
    # A request that no instance has seen yet goes to the next one.
    proxy_next_upstream error timeout;
    proxy_connect_timeout 2s;
    proxy_http_version 1.1;
    proxy_set_header Host $host;
    proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header Upgrade $http_upgrade;
    proxy_set_header Connection $portolan_connection;
  }
}
${endServices}
`,
};
