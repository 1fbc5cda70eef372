/** npm run check: types, lint, format, import table and dead code; every finding is an error. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { ensureBuilt, ensureDependencies, root, say } from './lib/setup.mjs';

ensureDependencies();
ensureBuilt();
const steps = [
  ['types', ['tsc', '-p', 'tsconfig.json', '--noEmit']],
  ['lint', ['oxlint', '--type-aware', 'src', 'sdk/src', 'test', 'bench', 'scripts']],
  ['format', ['biome', 'format', '.']],
  ['dead code', ['knip']],
  ['import table and repository rules', ['node', '--test', 'dist/test/rules/repository.test.js']],
];
let failed = 0;
for (const [name, [tool, ...args]] of steps) {
  const command = tool === 'node' ? process.execPath : join(root, 'node_modules', '.bin', tool);
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, npm_config_loglevel: 'error' },
  });
  say(`${result.status === 0 ? 'ok    ' : 'FAILED'} ${name}`);
  if (result.status !== 0) {
    failed++;
    say(`${result.stdout}${result.stderr}`);
  }
}
process.exit(failed === 0 ? 0 : 1);
