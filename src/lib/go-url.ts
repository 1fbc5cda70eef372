/** URLs as Go's net/url takes them apart and puts them together. */

/** The message is Go's: `parse "url": reason`. */
export class GoUrlError extends Error {
  override readonly name = 'GoUrlError';
  readonly code = 'bad-url';
  readonly url: string;
  readonly reason: string;

  constructor(url: string, reason: string) {
    super(`parse ${JSON.stringify(url)}: ${reason}`);
    this.url = url;
    this.reason = reason;
  }
}

export interface GoUrl {
  readonly scheme: string;
  readonly opaque: string;
  /** User and password, escaped; undefined: none was given. */
  readonly userinfo: string | undefined;
  /** With the port. */
  readonly host: string;
  /** Unescaped. */
  readonly path: string;
  /** As it was written, when that is another valid spelling of the path. */
  readonly rawPath?: string;
  readonly rawQuery: string;
  /** A lone `?` at the end. */
  readonly forceQuery?: boolean;
  readonly fragment: string;
}

type Part = 'path' | 'userinfo' | 'host' | 'fragment';

/** Throws GoUrlError, whose URL has the fragment only when that is what is wrong. */
export function parseGoUrl(text: string): GoUrl {
  const [body, fragment = ''] = cut(text, '#');
  const url = quoting(body, () => parse(body));
  return { ...url, fragment: quoting(text, () => unescape(fragment, 'fragment')) };
}

function quoting<T>(text: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    throw new GoUrlError(text, error.message);
  }
}

class Problem extends Error {
  override readonly name = 'Problem';
}

function parse(body: string): Omit<GoUrl, 'fragment'> {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: Go refuses exactly these
  if (/[\0-\x1f\x7f]/.test(body)) throw new Problem('net/url: invalid control character in URL');
  return parseBody(body);
}

function parseBody(body: string): Omit<GoUrl, 'fragment'> {
  if (body === '*') return { ...emptyUrl, path: '*' };
  const [scheme, afterScheme] = splitScheme(body);
  const forceQuery = afterScheme.endsWith('?') && afterScheme.indexOf('?') === afterScheme.length - 1;
  const [withoutQuery, rawQuery] = forceQuery ? [afterScheme.slice(0, -1), ''] : cut(afterScheme, '?');
  const base = { ...emptyUrl, scheme, rawQuery: rawQuery ?? '', ...(forceQuery ? { forceQuery } : {}) };
  if (!withoutQuery.startsWith('/')) {
    if (scheme !== '') return { ...base, opaque: withoutQuery };
    if (withoutQuery.split('/')[0]!.includes(':')) {
      throw new Problem('first path segment in URL cannot contain colon');
    }
  }
  const hasAuthority = withoutQuery.startsWith('//') && (scheme !== '' || !withoutQuery.startsWith('///'));
  if (!hasAuthority) return { ...base, ...pathOf(withoutQuery) };
  const slash = withoutQuery.indexOf('/', 2);
  const authority = withoutQuery.slice(2, slash < 0 ? undefined : slash);
  return {
    ...base,
    ...parseAuthority(authority),
    ...pathOf(slash < 0 ? '' : withoutQuery.slice(slash)),
  };
}

const emptyUrl: Omit<GoUrl, 'fragment'> = Object.freeze({
  scheme: '',
  opaque: '',
  userinfo: undefined,
  host: '',
  path: '',
  rawQuery: '',
});

function cut(text: string, mark: string): readonly [string, string | undefined] {
  const at = text.indexOf(mark);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

function splitScheme(text: string): readonly [string, string] {
  const match = /^([A-Za-z][A-Za-z0-9+.-]*):/.exec(text);
  if (match !== null) return [match[1]!.toLowerCase(), text.slice(match[0].length)];
  if (text.startsWith(':')) throw new Problem('missing protocol scheme');
  return ['', text];
}

function pathOf(written: string): Pick<GoUrl, 'path' | 'rawPath'> {
  const path = unescape(written, 'path');
  return escape(path, 'path') === written ? { path } : { path, rawPath: written };
}

function parseAuthority(authority: string): Pick<GoUrl, 'userinfo' | 'host'> {
  const at = authority.lastIndexOf('@');
  const host = parseHost(at < 0 ? authority : authority.slice(at + 1));
  if (at < 0) return { userinfo: undefined, host };
  const userinfo = authority.slice(0, at);
  if (!/^[A-Za-z0-9\-._:~!$&'()*+,;=%@]*$/.test(userinfo)) throw new Problem('net/url: invalid userinfo');
  const [user, password] = cut(userinfo, ':');
  const escaped = escape(unescape(user, 'userinfo'), 'userinfo');
  if (password === undefined) return { userinfo: escaped, host };
  return { userinfo: `${escaped}:${escape(unescape(password, 'userinfo'), 'userinfo')}`, host };
}

function parseHost(host: string): string {
  if (host.startsWith('[')) {
    const end = host.lastIndexOf(']');
    if (end < 0) throw new Problem("missing ']' in host");
    checkPort(host.slice(end + 1));
    return unescape(host.slice(0, end + 1), 'host') + host.slice(end + 1);
  }
  const colon = host.lastIndexOf(':');
  if (colon >= 0) checkPort(host.slice(colon));
  return unescape(host, 'host');
}

function checkPort(port: string): void {
  if (port !== '' && !/^:[0-9]*$/.test(port))
    throw new Problem(`invalid port ${JSON.stringify(port)} after host`);
}

/** The host without its port and brackets. */
export function hostnameOf(host: string): string {
  const bare = host.replace(/:[0-9]*$/, (port) => (host.startsWith('[') && !host.endsWith(port) ? port : ''));
  const name = host.startsWith('[') && bare.endsWith(']') ? bare.slice(1, -1) : bare;
  return name;
}

function unescape(text: string, part: Part): string {
  const bad = /%(?![0-9a-fA-F]{2}).{0,2}/s.exec(text);
  if (bad !== null) throw new Problem(`invalid URL escape ${JSON.stringify(bad[0])}`);
  // Go's messages name the one character; in a host only what is not ASCII may be escaped.
  if (part === 'host') {
    const escaped = /%(?!25)[0-7][0-9a-fA-F]/.exec(text);
    if (escaped !== null) throw new Problem(`invalid URL escape ${JSON.stringify(escaped[0])}`);
    const odd = /[^A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"%\u0080-\uffff]/.exec(text);
    if (odd !== null) throw new Problem(`invalid character ${JSON.stringify(odd[0])} in host name`);
  }
  if (!text.includes('%')) return text;
  const bytes: Buffer[] = [];
  for (const [piece] of text.matchAll(/%[0-9a-fA-F]{2}|[^%]+/g)) {
    bytes.push(piece.startsWith('%') ? Buffer.from(piece.slice(1), 'hex') : Buffer.from(piece));
  }
  return Buffer.concat(bytes).toString('utf8');
}

const kept: Readonly<Record<Part, RegExp>> = {
  path: /[A-Za-z0-9\-_.~$&+,/:;=@]/,
  userinfo: /[A-Za-z0-9\-_.~$&+,;=]/,
  host: /[A-Za-z0-9\-_.~!$&'()*+,;=:[\]<>"]/,
  fragment: /[A-Za-z0-9\-_.~$&+,/:;=?@!()*]/,
};

function escape(text: string, part: Part): string {
  let out = '';
  for (const byte of Buffer.from(text)) {
    const char = String.fromCharCode(byte);
    if (kept[part].test(char)) out += char;
    else out += `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return out;
}

// The spelling that was given, unless it has what must be escaped.
function pathText({ path, rawPath }: GoUrl): string {
  const isSpelled = /^(?:[A-Za-z0-9\-_.~!$&'()*+,;=:@[\]/]|%[0-9a-fA-F]{2})*$/;
  if (rawPath !== undefined && isSpelled.test(rawPath)) return rawPath;
  return path === '*' ? '*' : escape(path, 'path');
}

/** Source: Go URL.String. */
export function formatGoUrl(url: GoUrl): string {
  const { scheme, opaque, userinfo, host, rawQuery, fragment } = url;
  const path = pathText(url);
  let out = scheme === '' ? '' : `${scheme}:`;
  if (opaque === '') {
    if (scheme !== '' || host !== '' || userinfo !== undefined) {
      if (host !== '' || path !== '' || userinfo !== undefined) out += '//';
      if (userinfo !== undefined) out += `${userinfo}@`;
      if (host !== '') out += escape(host, 'host');
    }
    if (path !== '' && !path.startsWith('/') && host !== '') out += '/';
    // Else the part before the colon would read as a scheme.
    if (out === '' && path.split('/')[0]!.includes(':')) out += './';
    out += path;
  } else {
    out += opaque;
  }
  if (url.forceQuery === true || rawQuery !== '') out += `?${rawQuery}`;
  return fragment === '' ? out : `${out}#${escape(fragment, 'fragment')}`;
}
