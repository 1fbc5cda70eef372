/** `bin/portolan` as process 1 of a container: in a PID namespace of its own. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { repoRoot } from '../../src/lib/repo-root.testkit.ts';
import { Running, TemplateStage } from './template-program.testkit.ts';

const bin = join(repoRoot(import.meta.url), 'bin/portolan');
const alone = ['unshare', '--fork', '--pid', '--mount-proc', '--kill-child'];
const needsRoot = process.getuid?.() !== 0 && 'needs root';

/** A child that leaves orphans, and then says who is left as a zombie. */
const child =
  "trap 'echo usr1 > @got' USR1; trap 'exit 7' TERM; (sleep 0.2 &); (sleep 0.1 & exit); sleep 0.6; " +
  "grep -l '^State:.Z' /proc/[0-9]*/status > @zombies; echo done >> @zombies; while :; do sleep 0.05; done";

test('as process 1 it reaps orphans, passes signals on and ends with its own code', {
  skip: needsRoot,
}, async (t) => {
  const stage = await TemplateStage.open(t);
  stage.write(
    'c.hcl',
    stage.config(`template { source = "@in" destination = "@out" } exec { command = "${child}" }`),
  );
  const words = [...alone, bin, 'template', '-config', stage.path('c.hcl')];
  const running = new Running(t, words, '');
  await stage.becomes('zombies', /done/, running);
  assert.equal(stage.text('zombies'), 'done\n');
  // unshare waits for one process: process 1 of the namespace.
  const children = readFileSync(`/proc/${running.pid}/task/${running.pid}/children`, 'utf8');
  const first = Number(children.trim());
  process.kill(first, 'SIGUSR1');
  await stage.becomes('got', 'usr1\n', running);
  process.kill(first, 'SIGTERM');
  assert.equal(await running.exited, 7, running.log());
});

test('as process 1 a command that ends by itself gives its code', { skip: needsRoot }, async (t) => {
  const done = new Running(t, [...alone, bin, 'version'], '');
  assert.equal(await done.exited, 0);
  assert.match(done.log(), /^Portolan v/);
  assert.equal(await new Running(t, [...alone, bin, 'template', '-nope'], '').exited, 13);
});
