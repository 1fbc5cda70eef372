/** npm start [-- FLAGS]: sets up what is missing, then runs the agent in this process's place. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuilt, ensureDependencies, root } from './lib/setup.mjs';

ensureDependencies();
ensureBuilt();
const child = spawn(join(root, 'bin/portolan'), ['agent', ...process.argv.slice(2)], {
  stdio: 'inherit',
});
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(code ?? (signal === null ? 1 : 128)));
