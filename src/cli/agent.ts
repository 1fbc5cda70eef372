import { appendFileSync } from 'node:fs';
import { runAgent } from '../agent/agent.ts';
import type { Config } from '../config/config.ts';
import { fileProblem } from '../lib/file-problem.ts';
import { createLogger, type Logger } from '../lib/log.ts';
import { addAgentOptions, loadAgentConfig } from './agent-options.ts';
import { CliError, examples, exitCodes, type CliCommand, type Io } from './command.ts';

export const agentCommand: CliCommand = {
  define: (command, io) => {
    addAgentOptions(command);
    examples(command, [
      'portolan agent -dev',
      'portolan agent -data-dir /var/lib/portolan -client 0.0.0.0',
      'portolan agent -store etcd://10.0.0.1:2379,10.0.0.2:2379,10.0.0.3:2379 -node n1',
      'portolan agent -template nginx.ctmpl:/etc/nginx/conf.d/app.conf:"nginx -s reload"',
      'portolan agent -config-dir /etc/portolan.d --registrar=false',
    ]);
    exitCodes(command, '0 stopped, 1 could not start or failed, 3 another agent took over the node’s name');
    command.addHelpText(
      'after',
      'Signals: SIGINT and SIGTERM stop the agent; services stay registered. SIGHUP reads the configuration again.',
    );
    command.action(async () => {
      const { config, warnings } = loadAgentConfig(command, io);
      const log = openLog(config, io);
      for (const warning of warnings) log.warn({}, warning);
      await runAgent(config, {
        log,
        signal: io.signal,
        load: () => loadAgentConfig(command, io).config,
        onHangup: io.onHangup,
      });
    });
  },
};

function openLog(config: Config, io: Io): Logger {
  const { level, json, file } = config.log;
  const write = file === '' ? io.err : appendTo(file, io);
  return createLogger({ level, format: json ? 'json' : 'text', write });
}

function appendTo(file: string, io: Io): (line: string) => void {
  try {
    appendFileSync(file, '');
  } catch (error) {
    throw new CliError(`portolan: log_file ${file}: ${fileProblem(error)}; choose another with -log-file`);
  }
  return (line) => {
    io.err(line);
    appendFileSync(file, line);
  };
}
