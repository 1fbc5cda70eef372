import { badRequest, HttpError } from './errors.ts';
import { brokenEscape, percentDecode } from './path.ts';
import type { HttpRequest } from './request.ts';

/**
 * The name at the end of a path. All endpoints but kv decode it a second time, after the path as a whole; throws 500
 * for an escape that is broken then.
 */
export function pathName(request: HttpRequest): string {
  const { tail } = request;
  if (!tail.includes('%')) return tail;
  const name = percentDecode(tail);
  if (name !== undefined) return name;
  const why = `invalid URL escape ${JSON.stringify(brokenEscape(tail) ?? tail)}`;
  throw new HttpError(500, `failure in unescaping path param ${JSON.stringify(tail)}: ${why}`);
}

/** The same, refused with 400 when it is empty. */
export function requiredName(request: HttpRequest, missing: string): string {
  const name = pathName(request);
  if (name === '') throw badRequest(missing);
  return name;
}
