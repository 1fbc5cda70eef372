import { constants } from 'node:os';

/** What people write for no signal at all. */
const none = new Set(['', 'SIGNULL', 'SIGNIL']);

/** `SIGHUP`, `hup`: a signal of this system; `''`: none (null); anything else: undefined. */
export function parseSignal(text: string): NodeJS.Signals | null | undefined {
  const upper = text.trim().toUpperCase();
  if (none.has(upper)) return null;
  const name = upper.startsWith('SIG') ? upper : `SIG${upper}`;
  return isSignal(name) ? name : undefined;
}

function isSignal(name: string): name is NodeJS.Signals {
  return Object.hasOwn(constants.signals, name);
}
