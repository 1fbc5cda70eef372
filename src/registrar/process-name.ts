import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';

/** One process of one host, told from every other one that has its pid before or after. */
export interface ProcessName {
  readonly host: string;
  readonly pid: number;
  /** Of the kernel; '' where it isn't known. */
  readonly bootId: string;
  /** pids of another namespace mean nothing here. */
  readonly pidNamespace: string;
  /** Ticks after boot at which the process began. */
  readonly startedTicks: string;
}

export function ownProcess(): ProcessName {
  return {
    host: hostname(),
    pid: process.pid,
    bootId: read('/proc/sys/kernel/random/boot_id'),
    pidNamespace: namespaceOfSelf(),
    startedTicks: startedTicks('self'),
  };
}

/** Certainly not running any more. False also when that can't be known from here. */
export function isGone(name: ProcessName): boolean {
  const own = ownProcess();
  const isHere = own.bootId !== '' && own.bootId === name.bootId && own.pidNamespace === name.pidNamespace;
  return isHere && own.pidNamespace !== '' && startedTicks(String(name.pid)) !== name.startedTicks;
}

/** Field 22 of stat; the second field may hold spaces and brackets. */
function startedTicks(pid: string): string {
  const stat = read(`/proc/${pid}/stat`);
  return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19] ?? '';
}

function namespaceOfSelf(): string {
  try {
    return readlinkSync('/proc/self/ns/pid');
  } catch {
    return '';
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
