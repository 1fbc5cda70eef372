/** Request targets: decoding, the characters that are let through, and cleaning as Go's ServeMux does it. */

/** undefined when an escape is broken or the bytes are not UTF-8. `plus`: `+` is a space, as in queries. */
export function percentDecode(text: string, plus = false): string | undefined {
  const spaced = plus && text.includes('+') ? text.replaceAll('+', ' ') : text;
  if (!spaced.includes('%')) return spaced;
  try {
    return decodeURIComponent(spaced);
  } catch {
    return undefined;
  }
}

/** The first piece of `text` that is not a percent escape (`%zz`, `%4`, `%`), or undefined. */
export function brokenEscape(text: string): string | undefined {
  return /%(?![0-9A-Fa-f]{2}).{0,2}/s.exec(text)?.[0];
}

const unprintable = /[^\p{L}\p{M}\p{N}\p{P}\p{S} ]/u;

/** Whether every character is one that prints (Go's unicode.IsPrint): no controls, no spaces but U+0020. */
export function isPrintable(path: string): boolean {
  for (let i = 0; i < path.length; i++) {
    const unit = path.charCodeAt(i);
    if (unit < 0x20 || unit === 0x7f) return false;
    if (unit > 0x7e) return !unprintable.test(path);
  }
  return true;
}

/** Removes empty, `.` and `..` segments; keeps a trailing slash. An already clean path comes back as it is. */
export function cleanPath(path: string): string {
  if (path === '') return '/';
  if (!needsCleaning(path)) return path;
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  const clean = `/${kept.join('/')}`;
  return path.endsWith('/') && clean !== '/' ? `${clean}/` : clean;
}

function needsCleaning(path: string): boolean {
  if (path.charCodeAt(0) !== slash) return true;
  for (let i = path.indexOf('/'); i >= 0; i = path.indexOf('/', i + 1)) {
    const next = path.charCodeAt(i + 1);
    if (next === slash) return true;
    if (next !== dot) continue;
    const after = path.charCodeAt(i + 2);
    if (Number.isNaN(after) || after === slash) return true;
    const last = path.charCodeAt(i + 3);
    if (after === dot && (Number.isNaN(last) || last === slash)) return true;
  }
  return false;
}

const slash = 0x2f;
const dot = 0x2e;

/** A decoded path as it stands in a Location header: what Go's URL.EscapedPath leaves alone stays. */
export function encodePath(path: string): string {
  return encodeURI(path).replace(/[!'()*?#]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);
}
