import { open, readdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';

const spareBytes = 1024 * 1024;
const chunkBytes = 256 * 1024;
const probeName = 'probe.tmp';

/** Removes the file of a probe that was killed. */
export async function removeProbe(directory: string): Promise<void> {
  await rm(join(directory, probeName), { force: true });
}

/**
 * Throws what writing throws when the directory has no room for opening the LevelDB in it, which writes its logs
 * out as tables. It writes and removes a file of that size: free space as reported leaves out quotas and reserves.
 */
export async function probeRoom(directory: string): Promise<void> {
  const path = join(directory, probeName);
  try {
    const file = await open(path, 'w');
    try {
      const chunk = Buffer.alloc(chunkBytes, 1);
      for (let left = (await logBytes(directory)) + spareBytes; left > 0; left -= chunkBytes) {
        await file.writeFile(chunk);
      }
      await file.sync();
    } finally {
      await file.close();
    }
  } finally {
    await rm(path, { force: true });
  }
}

async function logBytes(directory: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(directory)) {
    if (name.endsWith('.log')) bytes += (await stat(join(directory, name))).size;
  }
  return bytes;
}
