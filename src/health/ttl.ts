/** A TTL check has no runner: clients report its status in time, or it turns critical with one of these outputs. */

const expired = 'TTL expired';

/** The output of a check whose time ran out, quoting the last words it had. */
export function expiredOutput(lastOutput: string): string {
  return lastOutput === '' ? expired : `${expired} (last output before timeout follows): ${lastOutput}`;
}

/** Whether an output was made by `expiredOutput`: expiring again must not quote it. */
export function isExpiredOutput(output: string): boolean {
  return output.startsWith(expired);
}
