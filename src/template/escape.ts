/** html, js and urlquery. */
import { isPrint } from './quote.ts';
import { runeOf, toBytes } from './text.ts';

const htmlEscapes: Readonly<Record<string, string>> = {
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\0': '\ufffd',
};

export function escapeHtml(text: string): string {
  return text.replace(/["'&<>\0]/g, (char) => htmlEscapes[char]!);
}

const jsEscapes: Readonly<Record<string, string>> = {
  '\\': '\\\\',
  "'": "\\'",
  '"': '\\"',
  '<': '\\u003C',
  '>': '\\u003E',
  '&': '\\u0026',
  '=': '\\u003D',
};

export function escapeJs(text: string): string {
  return text.replace(/[\\'"<>&=\0-\x1f]|[^\0-\x7f]/gu, (char) => jsEscapes[char] ?? escapeJsRune(char));
}

function escapeJsRune(char: string): string {
  const rune = runeOf(char);
  // An invalid byte is decoded to U+FFFD to see that it is printable, but written as it was.
  if (rune >= 0x80 && isPrint(rune)) return char;
  return `\\u${rune.toString(16).toUpperCase().padStart(4, '0')}`;
}

export function escapeQuery(text: string): string {
  let escaped = '';
  for (const byte of toBytes(text)) {
    const char = String.fromCharCode(byte);
    if (/[A-Za-z0-9\-_.~]/.test(char)) escaped += char;
    else escaped += char === ' ' ? '+' : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return escaped;
}
