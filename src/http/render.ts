import { jsonType } from './answer.ts';
import { encodeJson, encodeRows, type RowText } from './json.ts';
import type { Rendered } from './views.ts';

export function renderJson(value: unknown, pretty: boolean): Rendered {
  return { status: 200, headers: jsonType, body: encodeJson(value, pretty) };
}

/** A list, in slices when it is long. */
export function renderRows<T>(
  rows: readonly T[],
  encodeRow: (row: T) => unknown,
  pretty: boolean,
): Rendered | Promise<Rendered> {
  return renderTexts(rows, (row, indent) => JSON.stringify(encodeRow(row), undefined, indent), pretty);
}

/** The same for rows that print themselves. */
export function renderTexts<T>(
  rows: readonly T[],
  rowText: RowText<T>,
  pretty: boolean,
): Rendered | Promise<Rendered> {
  const body = encodeRows(rows, rowText, pretty);
  if (typeof body === 'string') return { status: 200, headers: jsonType, body };
  return body.then((text) => ({ status: 200, headers: jsonType, body: text }));
}

export const renderMissing: Rendered = { status: 404, headers: [], body: '' };
