/** sprig's urlParse and urlJoin: a URL as a dictionary of its parts. */
import { formatGoUrl, GoUrlError, hostnameOf, parseGoUrl } from '../../../lib/go-url.ts';
import { defineFunction } from '../../../template/functions.ts';
import type { GoFunction } from '../../../template/functions.ts';
import { quote } from '../../../template/quote.ts';
import { goMap } from '../../../template/values.ts';
import type { GoMap } from '../../../template/values.ts';
import { NilDereference, kindName } from '../reflect.ts';

export const urlFunctions: readonly GoFunction[] = [
  defineFunction('urlParse', { params: ['string'], result: 'map[string]any' }, (text) => {
    const url = attempt('unable to parse url', () => parseGoUrl(text));
    return goMap({
      scheme: url.scheme,
      host: url.host,
      hostname: hostnameOf(url.host),
      path: url.path,
      query: url.rawQuery,
      opaque: url.opaque,
      fragment: url.fragment,
      userinfo: url.userinfo ?? '',
    });
  }),
  defineFunction('urlJoin', { params: ['map[string]any'], result: 'string' }, (parts) => {
    const text = (key: string): string => textOf(parts, key);
    const [scheme, host, path] = [text('scheme'), text('host'), text('path')];
    const [rawQuery, opaque, fragment] = [text('query'), text('opaque'), text('fragment')];
    const user = text('userinfo');
    const userinfo =
      user === ''
        ? undefined
        : attempt('unable to parse userinfo in dict', () => parseGoUrl(`proto://${user}@host`)).userinfo;
    return formatGoUrl({ scheme, host, path, rawQuery, opaque, fragment, userinfo });
  }),
];

function attempt<T>(what: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof GoUrlError)) throw error;
    throw new Error(`${what}: parse ${quote(error.url)}: ${error.reason}`, { cause: error });
  }
}

function textOf(parts: GoMap, key: string): string {
  if (!parts.has(key)) return '';
  const value = parts.get(key);
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) throw new NilDereference();
  throw new Error(`unable to parse ${key} key, must be of type string, but ${kindName(value)} found`);
}
