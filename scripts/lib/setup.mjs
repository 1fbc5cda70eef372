/** What the npm doors share: set up what is missing, and say so while it happens. Node built-ins only. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');
export const isRoot = process.getuid?.() === 0;

const sources = [
  'src',
  'test',
  'bench',
  'sdk/src',
  'tsconfig.json',
  'tsconfig.base.json',
  'package-lock.json',
];
const stamp = join(root, 'dist', '.built');

/** Prints one line of progress. */
export function say(text) {
  process.stdout.write(`${text}\n`);
}

/** Runs a command to its end; its output is shown only when it fails, which ends this process. */
export function must(command, args, options = {}) {
  const result = spawnSync(command, args, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28, ...options });
  if (result.status === 0) return result.stdout ?? '';
  process.stderr.write(`${result.stdout ?? ''}${result.stderr ?? ''}`);
  process.stderr.write(
    `portolan: \`${command} ${args.join(' ')}\` failed (${result.error?.message ?? `exit ${result.status}`})\n`,
  );
  process.exit(1);
}

/** Installs the locked dependencies when they are absent or not those of the lockfile. */
export function ensureDependencies() {
  const lock = readFileSync(join(root, 'package-lock.json'), 'utf8');
  const mark = join(root, 'node_modules', '.portolan-lock');
  if (existsSync(mark) && readFileSync(mark, 'utf8') === lock) return;
  say('> installing dependencies (npm ci)');
  must('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(mark, lock);
}

/** Builds when a source is newer than the last build. */
export function ensureBuilt() {
  const builtMs = existsSync(stamp) ? statSync(stamp).mtimeMs : 0;
  if (sources.every((path) => newestMs(join(root, path)) <= builtMs)) return;
  say('> building');
  // The compiler leaves what a removed source once became, and the tests would run it.
  for (const folder of ['dist', 'sdk/dist']) rmSync(join(root, folder), { recursive: true, force: true });
  must('npm', ['run', '--silent', 'build']);
  writeFileSync(stamp, '');
}

/** Installs Debian packages whose command is missing: `{ 'docker.io': '/usr/sbin/dockerd' }`. Root and apt only. */
export function ensureDebianPackages(wanted) {
  const missing = Object.entries(wanted).filter(([, file]) => !existsSync(file));
  if (missing.length === 0) return true;
  const names = missing.map(([name]) => name);
  if (!isRoot || !existsSync('/usr/bin/apt-get')) {
    say(`> missing: ${names.join(', ')} (install them, or run this as root on Debian)`);
    return false;
  }
  say(`> installing from Debian: ${names.join(' ')}`);
  // policy-rc.d 101: the packages' services must not start; whoever needs one starts its own.
  const policy = '/usr/sbin/policy-rc.d';
  const ours = !existsSync(policy);
  if (ours) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
    const install = ['install', '-y', '-qq', '--no-install-recommends', ...names];
    if (spawnSync('apt-get', install, { env, stdio: 'ignore' }).status !== 0) {
      must('apt-get', ['update', '-qq'], { env });
      must('apt-get', install, { env });
    }
  } finally {
    if (ours) spawnSync('rm', ['-f', policy]);
  }
  return true;
}

function newestMs(path) {
  if (!existsSync(path)) return 0;
  const stats = statSync(path);
  if (!stats.isDirectory()) return stats.mtimeMs;
  let newest = stats.mtimeMs;
  for (const entry of readdirSync(path)) newest = Math.max(newest, newestMs(join(path, entry)));
  return newest;
}

/** Every file under `path` whose name ends with `suffix`, sorted. */
export function filesUnder(path, suffix) {
  if (!existsSync(path)) return [];
  return readdirSync(path, { withFileTypes: true })
    .flatMap((entry) => {
      const full = join(path, entry.name);
      if (entry.isDirectory()) return filesUnder(full, suffix);
      return entry.name.endsWith(suffix) ? [full] : [];
    })
    .sort((a, b) => (a < b ? -1 : 1));
}
