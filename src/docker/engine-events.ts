import type { Readable } from 'node:stream';
import { DockerError, type ContainerEvent } from './docker.ts';
import { decodeEvent } from './engine-decode.ts';
import { toDockerError } from './engine-errors.ts';
import type { EngineHost } from './engine-host.ts';
import { LineDecoder } from './lines.ts';

const maxLineBytes = 8 << 20;

/** What moves a service. Without it the daemon sends every health probe's exec too. */
const actions = [
  'create',
  'start',
  'die',
  'kill',
  'pause',
  'unpause',
  'rename',
  'update',
  'oom',
  'destroy',
  'health_status',
  'connect',
  'disconnect',
];
const known: ReadonlySet<string> = new Set(actions);

/**
 * Query of the event stream. The engine flushes the stream's headers before it subscribes: `since` (seconds on its
 * own clock, '' for none) closes that hole. Podman takes no filter on names of events before 4.4.
 */
export function eventQuery(since: string, isPodman: boolean): string {
  const filters = isPodman ? { type: ['container'] } : { type: ['container', 'network'], event: actions };
  const from = since === '' ? '' : `since=${since}&`;
  return `${from}filters=${encodeURIComponent(JSON.stringify(filters))}`;
}

/**
 * Tells events until the stream ends; resolves with the cause. The stream is read as fast as it comes: the daemon
 * slows down for whoever does not read, and then drops events without a word (moby #36928).
 */
export function readEvents(
  body: Readable,
  onEvent: (event: ContainerEvent) => void,
  host: EngineHost,
): Promise<Error> {
  const lines = new LineDecoder(maxLineBytes);
  return new Promise((resolve) => {
    const lost = (text: string): void =>
      resolve(new DockerError('absent', `Docker at ${host.endpoint} ${text}`));
    body.on('error', (error) => resolve(toDockerError(error, host)));
    body.on('end', () => lost('ended its event stream'));
    body.on('close', () => lost('closed its event stream'));
    body.on('data', (chunk: Buffer) => {
      try {
        for (const line of lines.push(chunk)) {
          const event = decodeEvent(line);
          if (event !== undefined && known.has(event.action)) onEvent(event);
        }
      } catch (cause) {
        const text = `Docker at ${host.endpoint} sent an event that is no JSON`;
        resolve(new DockerError('protocol', text, { cause }));
      }
    });
  });
}
