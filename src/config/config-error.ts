import { formatPosition, type Position } from '../lib/tree.ts';

export type ConfigErrorCode =
  /** The file can't be opened. */
  | 'unreadable'
  /** Not HCL, JSON, YAML or TOML. */
  | 'syntax'
  /** No such key: the message suggests the nearest. */
  | 'unknown-key'
  /** The value has the wrong type or is out of range. */
  | 'invalid-value'
  /** Two settings contradict each other, or something that only the user can choose is missing. */
  | 'conflict';

/** Names the place (file:line:column, flag or variable), the key, the value and the fix. Nothing was started. */
export class ConfigError extends Error {
  readonly code: ConfigErrorCode;
  readonly at: Position | undefined;

  constructor(code: ConfigErrorCode, message: string, at?: Position) {
    const place = at === undefined ? '' : formatPosition(at);
    super(place === '' ? message : `${place}: ${message}`);
    this.name = 'ConfigError';
    this.code = code;
    this.at = at;
  }
}
