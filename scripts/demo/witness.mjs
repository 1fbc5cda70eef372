/** Measures from outside, with nothing of Portolan: Docker's own events, and what the reload command wrote about itself. */
import { existsSync, readFileSync } from 'node:fs';
import { request } from 'node:http';

/** Notes when containers start and die, by the daemon's own clock. */
export class Witness {
  /** `{ action: 'start' | 'die', name, at }`, milliseconds. */
  events = [];
  #request;

  /** Resolves when Docker sends events. */
  static open(socketPath) {
    const witness = new Witness();
    const filters = encodeURIComponent('{"type":["container"],"event":["start","die"]}');
    return new Promise((resolve, reject) => {
      witness.#request = request({ socketPath, path: `/events?filters=${filters}` }, (answer) => {
        witness.#read(answer);
        resolve(witness);
      });
      witness.#request.on('error', reject);
      witness.#request.end();
    });
  }

  close() {
    this.#request.destroy();
  }

  #read(answer) {
    let rest = '';
    answer.setEncoding('utf8');
    // The stream ends with the daemon.
    answer.on('error', () => {});
    answer.on('data', (chunk) => {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop();
      for (const { Action, Actor, timeNano } of lines.map((text) => JSON.parse(text))) {
        this.events.push({ action: Action, name: Actor.Attributes.name, at: timeNano / 1e6 });
      }
    });
  }
}

/** The script that Portolan runs after each new upstream file: reloads nginx and notes begin, end and who is in it. */
export function reloadScript({ nginx, upstreamFile, log }) {
  return `#!/bin/bash
# The very first thing: when it began.
LC_ALL=C
begin=$EPOCHREALTIME
${nginx} -s reload
code=$?
end=$EPOCHREALTIME
echo "$begin $end $code" $(sed -n 's/^ *server .* # //p' ${upstreamFile}) >> ${log}
exit $code
`;
}

/** `{ begin, end, ok, names }` of every reload so far, milliseconds. */
export function readReloads(log) {
  if (!existsSync(log)) return [];
  return readFileSync(log, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((text) => {
      const [begin, end, code, ...ids] = text.split(' ');
      // A service's id is node:container:port.
      const names = ids.map((id) => id.split(':')[1]).sort();
      return { begin: Number(begin) * 1000, end: Number(end) * 1000, ok: code === '0', names };
    });
}

/** The first reload after the event whose file holds the container, or for a die: does not hold it. */
export function reloadOf({ action, name, at }, reloads) {
  return reloads.find(({ begin, names }) => begin > at && names.includes(name) === (action === 'start'));
}
