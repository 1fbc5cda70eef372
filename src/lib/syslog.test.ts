import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Syslog } from './syslog.ts';

test('each line goes to the logger with its priority', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'pt-'));
  const socket = join(dir, 's');
  const server = createServer().listen(socket);
  await once(server, 'listening');
  t.after(() => server.close());
  const program = join(dir, 'logger');
  const got = join(dir, 'got');
  writeFileSync(program, `#!/bin/sh\necho "$@" > ${got}.tmp; cat >> ${got}.tmp; mv ${got}.tmp ${got}\n`);
  chmodSync(program, 0o755);
  const syslog = new Syslog({ facility: 'LOCAL3', name: 'app', socket, program });
  syslog.write('error', 'first\nline\n');
  syslog.write('info', 'second');
  syslog.close();
  while (!existsSync(got)) await new Promise((resolve) => setTimeout(resolve, 5));
  const head = `--socket ${socket} --prio-prefix --tag app[${process.pid}]`;
  assert.equal(readFileSync(got, 'utf8'), `${head}\n<155>first line\n<158>second\n`);
});

test('what cannot be is refused by name', () => {
  assert.throws(() => new Syslog({ facility: 'nowhere', name: 'x' }), /no facility "nowhere"/);
  assert.throws(
    () => new Syslog({ facility: 'local0', name: 'x', socket: '/no/such' }),
    /nothing listens at \/no\/such/,
  );
});
