/**
 * npm run demo: a container starts on a real Docker Engine, and DNS, HTTP and nginx know it; it dies, and they forget it.
 *
 * Everything is private to the run (Docker daemon, nginx, agent, ports) and removed at its end, whatever that is.
 * Exit codes: 0 the promise held, 1 it did not or the demo can't run here, 130 stopped by Ctrl-C.
 */
import { existsSync, readFileSync } from 'node:fs';
import { ensureBuilt, ensureDebianPackages, ensureDependencies, isRoot, say } from './lib/setup.mjs';

const help = `npm run demo   shows the whole way of the data on a real Docker host, in about half a minute

As root on Debian: installs docker.io, nginx and busybox-static where they are missing, starts a Docker daemon of its
own, one nginx and Portolan; scales an app from 1 to 5 to 2 containers under traffic, kills one with rm -f, and removes
all that it made (the packages stay).

Options:
  --help     print this

Examples:
  $ sudo npm run demo
  $ npm run --silent demo > story.txt    # plain text: colours are for terminals, and NO_COLOR turns them off

Exit codes: 0 no request failed that should not, 1 one did or the demo can't run here, 130 stopped`;

const unknown = process.argv.slice(2).find((word) => word !== '--help');
if (unknown !== undefined) {
  process.stderr.write(`demo: what is "${unknown}"? Only --help is known\n`);
  process.exit(1);
}
if (process.argv.includes('--help')) {
  say(help);
  process.exit(0);
}
const obstacle = whatIsMissing();
if (obstacle !== undefined) {
  process.stderr.write(`demo: ${obstacle}\n`);
  process.exit(1);
}

ensureDependencies();
ensureDebianPackages({
  'docker.io': '/usr/sbin/dockerd',
  nginx: '/usr/sbin/nginx',
  iproute2: '/sbin/ip',
  'busybox-static': '/bin/busybox',
});
ensureBuilt();
// Imported only now: it needs the dependencies and the build.
const { tell } = await import('./demo/story.mjs');
process.exit(await tell());

/** Why the demo can't run on this machine, and what to do; undefined when it can. */
function whatIsMissing() {
  if (process.platform !== 'linux' || !isDebian()) {
    return 'needs Debian (or a relative with apt-get), where it installs Docker and nginx from; try it in a Debian VM';
  }
  if (!isRoot) return 'needs root, to run a Docker daemon of its own: sudo npm run demo';
  return undefined;
}

function isDebian() {
  if (!existsSync('/etc/os-release') || !existsSync('/usr/bin/apt-get')) return false;
  return /^ID(_LIKE)?=.*\bdebian\b/m.test(readFileSync('/etc/os-release', 'utf8'));
}
