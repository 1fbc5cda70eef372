/** Starts the program as the recorded agents were started. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startAgent } from '../e2e/agent.testkit.ts';
import type { Target } from './replay.testkit.ts';

export interface Launched {
  readonly target: Target;
  stop(): Promise<void>;
}

/** `default`: the agent in dev mode; `compact`: one with a data directory. */
export async function launch(profile: 'default' | 'compact'): Promise<Launched> {
  const dataDir = profile === 'compact' ? mkdtempSync(join(tmpdir(), 'portolan-replay-')) : '';
  const agent = await startAgent({ dataDir });
  return {
    target: { http: agent.url, dns: `127.0.0.1:${agent.ports.dns}` },
    stop: async () => {
      await agent.stop();
      if (dataDir !== '') rmSync(dataDir, { recursive: true, force: true });
    },
  };
}
