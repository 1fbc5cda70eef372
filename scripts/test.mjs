/**
 * npm test [-- PATTERN...]: sets up what is missing and runs every test, or those whose file path contains a PATTERN.
 * Unit tests run two files at a time; end-to-end tests (*.e2e.test.ts) judge response times and run one by one.
 */
import { run } from 'node:test';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import {
  ensureBuilt,
  ensureDebianPackages,
  ensureDependencies,
  filesUnder,
  isRoot,
  root,
  say,
} from './lib/setup.mjs';

const patterns = process.argv.slice(2);
if (patterns.includes('--help')) {
  say(
    'npm test [-- PATTERN...]   run all tests, or those whose path contains a PATTERN, e.g. npm test -- src/dns',
  );
  process.exit(0);
}

process.chdir(root);
ensureDependencies();
ensureDebianPackages({
  'docker.io': '/usr/sbin/dockerd',
  nginx: '/usr/sbin/nginx',
  haproxy: '/usr/sbin/haproxy',
  caddy: '/usr/bin/caddy',
  apache2: '/usr/sbin/apache2',
  varnish: '/usr/sbin/varnishd',
  prometheus: '/usr/bin/prometheus',
  'etcd-server': '/usr/bin/etcd',
  'etcd-client': '/usr/bin/etcdctl',
  faketime: '/usr/bin/faketime',
  dnsutils: '/usr/bin/dig',
  curl: '/usr/bin/curl',
  iproute2: '/usr/sbin/ip',
  iptables: '/usr/sbin/iptables',
  'busybox-static': '/bin/busybox',
});
ensureBuilt();
if (!isRoot)
  say('> not root: tests on a real dockerd, nginx and a full disk are left out (they count as skipped)');

const all = [
  ...filesUnder('dist/src', '.test.js'),
  ...filesUnder('dist/test', '.test.js'),
  ...filesUnder('sdk/dist', '.test.js'),
];
const chosen = all.filter((file) => patterns.length === 0 || patterns.some((p) => file.includes(p)));
if (chosen.length === 0) {
  say(`no test file matches ${patterns.join(' ')}`);
  process.exit(2);
}
// A folder for all that tests write, gone with them. Its name is short: unix sockets inside have 107 characters.
const scratch = mkdtempSync(join(tmpdir(), 'pt-'));
process.env.TMPDIR = scratch;
chmodSync(scratch, 0o1777);
process.on('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 3 }));
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));

const counts = { passed: 0, failed: 0, skipped: 0 };
const durations = new Map();
const failures = [];
const e2e = (file) => file.endsWith('.e2e.test.js');
await runFiles(
  chosen.filter((file) => !e2e(file)),
  2,
);
await runFiles(chosen.filter(e2e), 1);

for (const text of failures) say(text);
say('slowest files:');
const slowest = [...durations].sort((a, b) => b[1] - a[1]).slice(0, 8);
for (const [file, ms] of slowest) say(`  ${(ms / 1000).toFixed(1).padStart(6)} s  ${file}`);
if (counts.passed + counts.failed === 0) counts.failed = 1;
say(`${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`);
process.exit(counts.failed === 0 ? 0 : 1);

async function runFiles(files, concurrency) {
  if (files.length === 0) return;
  const started = new Map();
  const timeout = 150_000;
  for await (const { type, data } of run({ files, concurrency, timeout })) {
    const file = data?.file === undefined ? '' : relative(root, data.file);
    if (type === 'test:stderr' || type === 'test:stdout') {
      if (process.env.PORTOLAN_TEST_VERBOSE) process.stdout.write(data.message);
    }
    if (type === 'test:dequeue' && data.nesting === 0 && !started.has(file))
      started.set(file, performance.now());
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.nesting === 0) durations.set(file, (durations.get(file) ?? 0) + data.details.duration_ms);
    if (data.details.type === 'suite') continue;
    record(type, data, file);
  }
}

function record(type, data, file) {
  const note = data.skip ?? data.todo;
  if (note !== undefined && note !== false) {
    counts.skipped++;
    say(`- skipped ${file}: ${data.name}${typeof note === 'string' && note !== '' ? ` (${note})` : ''}`);
  } else if (type === 'test:pass') {
    counts.passed++;
    if (data.details.duration_ms > 1000)
      say(`+ ${file}: ${data.name} (${(data.details.duration_ms / 1000).toFixed(1)} s)`);
  } else {
    counts.failed++;
    const cause = data.details.error?.cause ?? data.details.error;
    const text = cause?.stack ?? String(cause);
    failures.push(`x FAILED ${file}: ${data.name}\n${text.replace(/^/gm, '    ')}`);
    say(`x FAILED ${file}: ${data.name}`);
  }
}
