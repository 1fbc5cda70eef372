import { pino, type DestinationStream } from 'pino';

/**
 * Structured logging: a constant message and fields, one object a line (JSON), or plain text for people.
 * Helpers throw, loops log: nothing below a loop or an edge should need a Logger.
 */
export interface Logger {
  trace(fields: Fields, message: string): void;
  debug(fields: Fields, message: string): void;
  info(fields: Fields, message: string): void;
  warn(fields: Fields, message: string): void;
  error(fields: Fields, message: string): void;
  /** A logger whose lines carry `area` (the folder's name). */
  child(area: string): Logger;
}

export type Fields = Readonly<Record<string, unknown>>;
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const;
export type LogLevel = (typeof logLevels)[number];

export interface LogOptions {
  readonly level: LogLevel;
  /** `json`: one JSON object a line. `text`: `2026-01-02T03:04:05.006Z [INFO]  area: message key=value`. */
  readonly format: 'json' | 'text';
  readonly write: (line: string) => void;
}

/** Opens a logger; `write` is given whole lines, newline included. */
export function createLogger(options: LogOptions): Logger {
  const sink: DestinationStream = {
    write: options.format === 'json' ? options.write : (line) => options.write(textLine(line)),
  };
  const root = pino(
    {
      level: options.level,
      base: null,
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: errorFields },
    },
    sink,
  );
  return wrap(root);
}

/** Drops everything; for tests and for commands that print their own. */
export const silentLogger: Logger = {
  trace: () => {},
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
  child: () => silentLogger,
};

type PinoLike = {
  trace(fields: object, message: string): void;
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  child(bindings: object): PinoLike;
};

function wrap(inner: PinoLike): Logger {
  return {
    trace: (fields, message) => inner.trace(fields, message),
    debug: (fields, message) => inner.debug(fields, message),
    info: (fields, message) => inner.info(fields, message),
    warn: (fields, message) => inner.warn(fields, message),
    error: (fields, message) => inner.error(fields, message),
    child: (area) => wrap(inner.child({ area })),
  };
}

function errorFields(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  const code = (value as { code?: unknown }).code;
  return {
    message: value.message,
    ...(code === undefined ? {} : { code }),
    ...(value.cause instanceof Error ? { cause: value.cause.message } : {}),
  };
}

/** People read the message, which says it all; code and cause stay in the JSON format. */
function isErrorField(value: unknown): value is { readonly message: string } {
  return (
    typeof value === 'object' &&
    value !== null &&
    typeof (value as { message?: unknown }).message === 'string'
  );
}

function textLine(line: string): string {
  const { level, time, area, msg, ...fields } = JSON.parse(line) as Record<string, unknown>;
  const tag = `[${String(level).toUpperCase()}]`.padEnd(7);
  const rest = Object.entries(fields).map(([key, value]) => `${key}=${fieldText(value)}`);
  const head = `${String(time)} ${tag} ${area === undefined ? '' : `${String(area)}: `}${String(msg)}`;
  return `${[head, ...rest].join(' ')}\n`;
}

function fieldText(value: unknown): string {
  if (isErrorField(value)) return JSON.stringify(value.message);
  if (typeof value === 'string') return /^[\w./:@-]+$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value);
}
