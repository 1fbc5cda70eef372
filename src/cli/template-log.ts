import type { TemplateLogConfig } from '../config/template-config.ts';
import { systemClock } from '../lib/clock.ts';
import { fileProblem } from '../lib/file-problem.ts';
import { createLogger, type Logger } from '../lib/log.ts';
import { RotatingFile } from '../lib/rotating-file.ts';
import { Syslog, SyslogError, type SyslogLevel } from '../lib/syslog.ts';
import { CliError } from './command.ts';

export interface TemplateLog {
  readonly log: Logger;
  /** Goes on in a new log file when the old one was set aside. */
  readonly reopen: () => void;
  readonly close: () => void;
}

/** A logger to standard error, and to the file and the syslog that are configured. */
export function openTemplateLog(
  config: TemplateLogConfig,
  err: (text: string) => void,
  badConfigCode: number,
): TemplateLog {
  const file = config.file === '' ? undefined : openFile(config, badConfigCode);
  const syslog = config.syslog === null ? undefined : openSyslog(config.syslog, badConfigCode);
  const write = (line: string): void => {
    err(line);
    file?.write(line);
    syslog?.write(levelOf(line), line.replace(/^\S+ /, ''));
  };
  return {
    log: createLogger({ level: config.level, format: 'text', write }),
    reopen: () => file?.reopen(),
    close: () => {
      file?.close();
      syslog?.close();
    },
  };
}

function openFile(config: TemplateLogConfig, code: number): RotatingFile {
  const { file: path, rotateBytes: maxBytes, rotateAfterMs: maxAgeMs, rotateKeep: keep } = config;
  try {
    return new RotatingFile({ path, maxBytes, maxAgeMs, keep }, systemClock);
  } catch (error) {
    throw new CliError(
      `portolan: log_file ${path}: ${fileProblem(error)}; choose another with -log-file`,
      code,
    );
  }
}

function openSyslog(options: NonNullable<TemplateLogConfig['syslog']>, code: number): Syslog {
  try {
    return new Syslog(options);
  } catch (error) {
    if (error instanceof SyslogError) throw new CliError(`portolan: ${error.message}`, code);
    throw error;
  }
}

const levels: readonly SyslogLevel[] = ['trace', 'debug', 'info', 'warn', 'error'];

/** Of a line as lib/log writes it: `TIME [LEVEL] …`. */
function levelOf(line: string): SyslogLevel {
  const word = /^\S+ \[(\w+)\]/.exec(line)?.[1]?.toLowerCase();
  return levels.find((level) => level === word) ?? 'info';
}
