/** Node meta as TXT records: RFC 1464 attributes, or the bare value for keys that begin with `rfc1035-`. */

const maxStringBytes = 255;

/** The character strings of one pair's TXT record; long text is cut into strings of 255 bytes. */
export function metaStrings(key: string, value: string): readonly Uint8Array[] {
  const text = Buffer.from(/^rfc1035-/i.test(key) ? value : attribute(key, value), 'utf8');
  const strings: Uint8Array[] = [];
  for (let at = 0; at < text.length || at === 0; at += maxStringBytes) {
    strings.push(text.subarray(at, at + maxStringBytes));
  }
  return strings;
}

/** `key=value` as RFC 1464 wants it: back-quotes doubled, `=` and outer blanks of the key quoted. */
function attribute(key: string, value: string): string {
  const name = key
    .replaceAll('`', '``')
    .replaceAll('=', '`=')
    .replace(/^ +| +$/g, (blanks) => '` '.repeat(blanks.length));
  return `${name}=${value.replaceAll('`', '``')}`;
}
