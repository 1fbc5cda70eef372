/**
 * Runs `call` with a signal that aborts with `signal` or after `ms`. Unlike AbortSignal.any, which leaves a weak
 * reference on a long-lived signal for each call (Node 20), it leaves nothing behind.
 */
export async function within<T>(
  signal: AbortSignal,
  ms: number,
  call: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController();
  const stop = (): void => own.abort(signal.reason);
  const timer = setTimeout(
    () => own.abort(new DOMException(`no answer within ${ms} ms`, 'TimeoutError')),
    ms,
  );
  signal.addEventListener('abort', stop, { once: true });
  if (signal.aborted) stop();
  try {
    return await call(own.signal);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }
}
