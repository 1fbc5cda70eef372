import { encodeJson } from './json.ts';

/** What a handler returns: a status, its own headers as a flat list, and the whole body. Length and common headers are added at the edge. */
export interface Answer {
  readonly status: number;
  /** name, value, name, value ... */
  readonly headers: readonly string[];
  readonly body: Buffer | string;
  /** Without the headers common to API answers: for what never reached an endpoint. */
  readonly bare?: boolean;
  /** Complete header list, prepared once for a cached body; nothing is added to it. */
  readonly wire?: readonly string[];
  /** Ends the connection afterwards: the rest of the request was not read. */
  readonly close?: boolean;
}

export const jsonType: readonly string[] = ['Content-Type', 'application/json'];
export const textType: readonly string[] = ['Content-Type', 'text/plain; charset=utf-8'];
const none: readonly string[] = [];

export const emptyAnswer: Answer = { status: 200, headers: none, body: '' };

export function textAnswer(status: number, text: string): Answer {
  return { status, headers: textType, body: text };
}

export function jsonAnswer(
  value: unknown,
  pretty: boolean,
  status = 200,
  headers: readonly string[] = none,
): Answer {
  return { status, headers: [...jsonType, ...headers], body: encodeJson(value, pretty) };
}
