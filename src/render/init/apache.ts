import type { ReadyMade } from './parts.ts';
import {
  eachInstance,
  eachService,
  endInstances,
  endServices,
  proxyConvention,
  proxySettings,
} from './parts.ts';

/** A graceful restart: children end their requests, new ones take over the sockets that the parent keeps open. */
export const apache: ReadyMade = {
  name: 'apache',
  summary: 'virtual hosts and balancers (mod_proxy_balancer)',
  destination: '/etc/apache2/conf-enabled/portolan.conf',
  check: 'apache2ctl configtest',
  command: 'apache2ctl graceful',
  setup: ['Debian: a2enmod proxy proxy_http proxy_balancer lbmethod_byrequests headers'],
  template: `{{- /*
Apache 2.4 as a reverse proxy. This file comes before other virtual hosts: its first one answers for unknown hosts.

${proxyConvention}
  proxy/apache/vhost    address of the virtual hosts; default *:80
*/ -}}
${proxySettings}
{{- $vhost := keyOrDefault "proxy/apache/vhost" "*:80" -}}
# Rendered from a template: changes to this file are lost.

<VirtualHost {{ $vhost }}>
  ServerName portolan.invalid
  Header always set Retry-After 1
  Redirect 503 "/"
</VirtualHost>
${eachService}
${eachInstance}
{{- $options := "connectiontimeout=2 retry=2 keepalive=On" }}
{{- $instances = printf "%s  BalancerMember \\"http://%s\\" loadfactor=%d %s\\n" $instances $at (minimum 100 $weight) $options }}
${endInstances}

<Proxy "balancer://portolan-{{ $name }}">
{{ $instances }}  ProxySet lbmethod=byrequests
</Proxy>
<VirtualHost {{ $vhost }}>
  ServerName {{ $host }}
  ProxyRequests Off
  ProxyPreserveHost On
  ProxyPass "/" "balancer://portolan-{{ $name }}/"
  ProxyPassReverse "/" "balancer://portolan-{{ $name }}/"
</VirtualHost>
${endServices}
`,
};
