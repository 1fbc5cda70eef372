/**
 * Tells systemd that the service is ready (Type=notify). Node speaks no datagrams to unix sockets, so systemd's own
 * `systemd-notify` does it, and the unit needs NotifyAccess=all.
 */
import { spawn } from 'node:child_process';
import type { Logger } from '../lib/log.ts';

export function notifyReady(log: Logger): void {
  if ((process.env['NOTIFY_SOCKET'] ?? '') === '') return;
  const child = spawn('systemd-notify', ['--ready', `--pid=${process.pid}`], { stdio: 'ignore' });
  child.once('error', (error) => log.warn({ err: error }, 'systemd is not told'));
  child.unref();
}
