import type { DesiredService } from './desired.ts';
import { parseMark, type Mark } from './mark.ts';
import type { Action, OwnedService } from './target.ts';

/**
 * What to do so that the target holds what is desired. Pure. Law: applying the actions of diff(desired, held) to held
 * makes a second diff empty, and what bears no mark of this registrar stays as it was.
 */
export interface Diff {
  readonly actions: readonly Action[];
  /** Ids that somebody else holds: not touched, tried again when the target is read again. */
  readonly conflicts: readonly string[];
}

/** `mayRemove` is asked for own services that nothing desires: false while it isn't known what became of them. */
export function diffServices(
  ids: Iterable<string>,
  desired: (id: string) => DesiredService | undefined,
  held: (id: string) => OwnedService | undefined,
  registrarId: string,
  mayRemove: (mark: Mark) => boolean,
): Diff {
  const actions: Action[] = [];
  const conflicts: string[] = [];
  for (const id of ids) {
    const found = diffService(id, desired(id), held(id), registrarId, mayRemove);
    if (found === 'conflict') conflicts.push(id);
    else actions.push(...found);
  }
  return { actions, conflicts };
}

function diffService(
  id: string,
  desired: DesiredService | undefined,
  held: OwnedService | undefined,
  registrarId: string,
  mayRemove: (mark: Mark) => boolean,
): readonly Action[] | 'conflict' {
  const mark = held === undefined ? undefined : parseMark(held.service);
  const isOwn = mark?.registrar === registrarId;
  if (desired === undefined) return isOwn && mayRemove(mark) ? [{ type: 'deregister', serviceId: id }] : [];
  if (held === undefined) return register(desired, held);
  if (isOwn)
    return mark.hash === desired.hash && held.docker !== undefined
      ? statusOf(desired, held.docker)
      : register(desired, held);
  return mark === undefined && isSameService(desired, held) ? register(desired, held) : 'conflict';
}

/**
 * A service without any mark that says the same is taken over: it is what Registrator, or an author by hand, wrote
 * about this very port. Only a registrar makes ids like the generated ones, so there an old port may differ.
 */
function isSameService(desired: DesiredService, { service }: OwnedService): boolean {
  const own = desired.registration.service;
  return service.name === own.name && (desired.isIdGenerated || service.port === own.port);
}

/** A check that was there before keeps its status when it is registered again, so the status may need a word of its own. */
function register({ registration, docker }: DesiredService, held: OwnedService | undefined): Action[] {
  const put: Action = { type: 'register', registration };
  const isPassing = docker.status === 'passing' && (held === undefined || held.docker?.status === 'passing');
  return isPassing ? [put] : [put, { type: 'status', ...docker }];
}

/** Probes write something new into their output each time: that alone moves nothing while all is well. */
function statusOf(
  { docker }: DesiredService,
  held: { readonly status: string; readonly output: string },
): Action[] {
  const isEqual =
    docker.status === held.status && (docker.status === 'passing' || docker.output === held.output);
  return isEqual ? [] : [{ type: 'status', ...docker }];
}
