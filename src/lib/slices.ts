import type { Clock } from './clock.ts';

/** Milliseconds of work between two turns of the event loop. */
const sliceMs = 5;
/** Items between two looks at the clock. */
const itemsPerLook = 16;

/**
 * Calls `act` with every item, in order, and lets the event loop go on every few milliseconds. A live map or set may
 * change in between: what is deleted is not visited any more, what is added comes at the end.
 */
export async function eachInSlices<T>(
  items: Iterable<T>,
  clock: Clock,
  act: (item: T) => void,
): Promise<void> {
  let sliceEndsMs = clock.monotonicMs() + sliceMs;
  let seen = 0;
  for (const item of items) {
    act(item);
    if (++seen % itemsPerLook !== 0 || clock.monotonicMs() < sliceEndsMs) continue;
    await new Promise((resolve) => setImmediate(resolve));
    sliceEndsMs = clock.monotonicMs() + sliceMs;
  }
}
