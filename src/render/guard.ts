/**
 * A shell that outlives this process by a moment: when its input ends, which the kernel sees to even after SIGKILL, it asks a
 * process group to end, and kills it when its time is over. Without `sh` there is none.
 */
import { spawn } from 'node:child_process';

export interface GuardOptions {
  readonly killSignal: NodeJS.Signals | null;
  readonly killTimeoutMs: number;
  /** The signal is for the whole group, not for its leader alone. */
  readonly isShell: boolean;
}

export interface Guard {
  /** The group is gone: nothing is left to do. */
  close(): void;
}

// `kill -0` of the group fails once its last member is gone.
const script = `read -r _
kill -s "$2" -- "$4$1" 2>/dev/null || exit 0
left=$3
while [ "$left" -gt 0 ] && kill -0 -- "-$1" 2>/dev/null; do sleep 1; left=$((left - 1)); done
kill -s KILL -- "-$1" 2>/dev/null`;

export function openGuard(group: number, { killSignal, killTimeoutMs, isShell }: GuardOptions): Guard {
  const name = (killSignal ?? 'SIGKILL').slice(3);
  const seconds = Math.ceil(killTimeoutMs / 1000);
  const words = [String(group), name, String(seconds), isShell ? '-' : ''];
  const child = spawn('sh', ['-c', script, 'sh', ...words], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.once('error', () => {});
  child.stdin.on('error', () => {});
  child.unref();
  (child.stdin as typeof child.stdin & { unref?: () => void }).unref?.();
  return { close: () => void child.kill('SIGKILL') };
}
