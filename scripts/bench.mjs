/**
 * npm run bench [-- NAME...]: runs every benchmark, or those whose file name contains a NAME, one after another. Each prints ratios
 * against a limit or a peer measured in the same run; nothing here is run by npm test.
 */
import { spawnSync } from 'node:child_process';
import { basename, join } from 'node:path';
import {
  ensureBuilt,
  ensureDebianPackages,
  ensureDependencies,
  filesUnder,
  root,
  say,
} from './lib/setup.mjs';

const names = process.argv.slice(2);
if (names.includes('--help')) {
  say('npm run bench [-- NAME...]   e.g. npm run bench -- dns http');
  process.exit(0);
}
ensureDependencies();
ensureDebianPackages({
  'docker.io': '/usr/sbin/dockerd',
  nginx: '/usr/sbin/nginx',
  wrk: '/usr/bin/wrk',
  dnsperf: '/usr/bin/dnsperf',
  'etcd-server': '/usr/bin/etcd',
  'etcd-client': '/usr/bin/etcdctl',
  'busybox-static': '/bin/busybox',
});
ensureBuilt();
const files = filesUnder(join(root, 'dist/bench'), '.bench.js').filter(
  (file) => names.length === 0 || names.some((name) => basename(file).includes(name)),
);
if (files.length === 0) {
  say(`no benchmark matches ${names.join(' ')}`);
  process.exit(2);
}
let failed = 0;
for (const file of files) {
  say(`\n== ${basename(file, '.bench.js')}`);
  const { status } = spawnSync(process.execPath, ['--expose-gc', file], { cwd: root, stdio: 'inherit' });
  if (status !== 0) failed++;
}
process.exit(failed === 0 ? 0 : 1);
