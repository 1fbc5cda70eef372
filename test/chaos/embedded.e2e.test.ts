import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../e2e/agent.testkit.ts';
import { Exchanges } from './exchange.testkit.ts';
import { KvClients } from './kv-clients.testkit.ts';
import { ChaosProcess, portolanCommand } from './process.testkit.ts';
import { Random } from './random.testkit.ts';
import { judgeKv } from './verdict.testkit.ts';

test('one agent that is killed again and again loses nothing, and its keys are linearizable', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'portolan-chaos-'));
  const seed = Date.now() % 1_000_000;
  t.diagnostic(`seed ${seed}`);
  const ports = await freePorts();
  const agent = new ChaosProcess({
    name: 'agent',
    command: portolanCommand.concat('agent -node=n1 -advertise=127.0.0.1 --registrar=false'.split(' '), [
      `-http-port=${ports.http}`,
      `-dns-port=${ports.dns}`,
      `-data-dir=${join(folder, 'data')}`,
    ]),
    logFile: join(folder, 'log'),
    readyText: 'agent is ready',
  });
  const exchanges = new Exchanges();
  t.after(async () => {
    await agent.kill();
    await exchanges.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const random = new Random(seed);
  const urls = [`http://127.0.0.1:${ports.http}`];
  const clients = new KvClients(
    { urls, clients: 8, keys: 3, pauseMs: 15 },
    { exchanges, random: random.fork() },
  );
  agent.spawn();
  await agent.ready();
  const stop = new AbortController();
  const running = clients.run(stop.signal);
  for (let round = 0; round < 4; round++) {
    await delay(random.between(200, 700));
    await agent.kill();
    agent.spawn();
    await agent.ready();
  }
  await delay(300);
  stop.abort();
  await running;
  await clients.readAll();
  const { faults, figures } = await judgeKv(clients, urls, exchanges);
  t.diagnostic(figures);
  assert.deepEqual(faults, []);
});
