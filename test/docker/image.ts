import { copyFileSync, mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { execFileSync } from 'node:child_process';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Statically linked, from Debian's busybox-static. */
const busybox = '/bin/busybox';

/**
 * A root file system of one static busybox, packed: enough for a shell, `httpd` and `sleep`, built without a network.
 * `/www/index.html` says ok. Throws when busybox-static is not installed.
 */
export function buildRootfs(): Buffer {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-image-'));
  try {
    for (const name of ['bin', 'tmp', 'www']) mkdirSync(join(folder, name));
    copyFileSync(busybox, join(folder, 'bin', 'busybox'));
    for (const name of ['sh', 'sleep', 'httpd', 'true', 'false', 'cat', 'test', 'rm', 'touch']) {
      symlinkSync('busybox', join(folder, 'bin', name));
    }
    writeFileSync(join(folder, 'www', 'index.html'), 'ok\n');
    return execFileSync('tar', ['-C', folder, '-c', '.'], { maxBuffer: 64 << 20 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
