/** Numbers and characters as they are written in a template: untyped constants, as in Go. */
import type { NumberNode } from './nodes.ts';
import { parseFloat64, parseInteger, parseUnsigned } from './number.ts';
import { quote, unquoteChar } from './quote.ts';

export type NumberToken = 'number' | 'charConstant' | 'complex';

/** The constant, or Go's message for what is none. */
export function parseConstant(position: number, text: string, token: NumberToken): NumberNode | string {
  if (token === 'charConstant') return parseChar(position, text);
  if (token === 'complex') return parseComplex(position, text);
  if (text.endsWith('i')) {
    const im = parseFloat64(text.slice(0, -1));
    if (typeof im === 'number') return complexNode(position, text, 0, im);
  }
  return parseReal(position, text);
}

function parseChar(position: number, text: string): NumberNode | string {
  const rune = unquoteChar(text);
  if (rune === undefined) return 'invalid syntax';
  if (rune === 'malformed') return `malformed character constant: ${text}`;
  const whole = BigInt(rune);
  return { type: 'number', position, text, int: whole, uint: whole, float: rune, complex: undefined };
}

function parseReal(position: number, text: string): NumberNode | string {
  const unsigned = parseUnsigned(text, 0);
  const signed = parseInteger(text, 0);
  const int = typeof signed === 'bigint' ? signed : undefined;
  const uint = typeof unsigned === 'bigint' ? unsigned : int === 0n ? 0n : undefined;
  const whole = int ?? uint;
  if (whole !== undefined) {
    return { type: 'number', position, text, int, uint, float: Number(whole), complex: undefined };
  }
  const float = parseFloat64(text);
  if (typeof float !== 'number') return `illegal number syntax: ${quote(text)}`;
  if (!/[.eEpP]/.test(text)) return `integer overflow: ${quote(text)}`;
  return { type: 'number', position, text, ...wholeOf(float), float, complex: undefined };
}

const realPart = /^[+-]?(?:0[xX][0-9a-fA-F_.]*(?:[pP][+-]?[0-9_]+)?|[0-9_.]+(?:[eE][+-]?[0-9_]+)?)/;

function parseComplex(position: number, text: string): NumberNode | string {
  const real = realPart.exec(text)?.[0] ?? '';
  const re = parseFloat64(real);
  const im = parseFloat64(text.slice(real.length, -1));
  if (typeof re !== 'number' || typeof im !== 'number') return 'syntax error scanning complex number';
  return complexNode(position, text, re, im);
}

function complexNode(position: number, text: string, re: number, im: number): NumberNode {
  const complex = { re, im };
  if (im !== 0)
    return { type: 'number', position, text, int: undefined, uint: undefined, float: undefined, complex };
  return { type: 'number', position, text, ...wholeOf(re), float: re, complex };
}

function wholeOf(float: number): Pick<NumberNode, 'int' | 'uint'> {
  if (!Number.isInteger(float)) return { int: undefined, uint: undefined };
  const whole = BigInt(float);
  const int = BigInt.asIntN(64, whole) === whole ? whole : undefined;
  const uint = BigInt.asUintN(64, whole) === whole ? whole : undefined;
  return { int, uint };
}
