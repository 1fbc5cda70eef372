/** A changed configuration is taken without a restart; one with a mistake changes nothing. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { startAgent, until } from './agent.testkit.ts';
import { portolan, scratchFolder } from './command.testkit.ts';

interface Wanted {
  readonly port: number;
  readonly text: string;
  readonly more?: string;
}

test('services and templates are read again by signal, request and command; nothing else moves', async (t) => {
  const folder = scratchFolder(t);
  const [file, out, ran] = ['agent.hcl', 'out', 'ran'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  const configure = ({ port, text, more = '' }: Wanted): void =>
    writeFileSync(
      file,
      `service { name = "web" port = ${port} check { ttl = "1h" status = "passing" } }
       template { contents = ${JSON.stringify(text)} destination = "${out}" command = "echo ran >> ${ran}" }
       template { contents = "{{ key \\"never\\" }}" destination = "${out}-waits" }
       ${more}`,
    );
  const reads = (path: string): string => readFileSync(path, 'utf8');
  const ports = '{{ range service "web" }}{{ .Port }}{{ end }}';
  configure({ port: 80, text: ports });
  const agent = await startAgent({ dataDir: join(folder, 'data'), args: [`-config-file=${file}`] });
  try {
    const shows = (text: string): Promise<unknown> =>
      until(
        () => (reads(out) === text ? true : undefined),
        10_000,
        () => `${reads(out)}, not ${text}`,
      );
    const index = async (): Promise<string | null> =>
      (await fetch(`${agent.url}/v1/health/state/any`)).headers.get('x-consul-index');
    await shows('80');
    const before = await index();
    const reloaded = (): number => agent.log().split('configuration reloaded').length - 1;

    process.kill(agent.pid, 'SIGHUP');
    await until(() => (reloaded() === 1 ? true : undefined), 10_000, agent.log);
    assert.equal(await index(), before);
    assert.equal(reads(ran), 'ran\n');

    configure({ port: 81, text: ports });
    assert.equal((await fetch(`${agent.url}/v1/agent/reload`, { method: 'PUT' })).status, 200);
    await shows('81');

    configure({ port: 82, text: `${ports}!`, more: 'log_level = "debug"' });
    const ended = await portolan(['reload', `-http-addr=${agent.url}`]);
    assert.deepEqual([ended.code, ended.out], [0, 'Configuration reload triggered\n']);
    await shows('82!');
    assert.match(agent.log(), /\[WARN\].*these changes wait for a restart keys=\["log"\]/);

    const mistakes = [
      { port: 83, text: ports, more: 'nonsense = 1', want: /agent\.hcl:4/ },
      { port: 83, text: '{{ nosuch }}', want: /function "nosuch" not defined/ },
    ];
    for (const { want, ...wrong } of mistakes) {
      configure(wrong);
      const refused = await portolan(['reload', `-http-addr=${agent.url}`]);
      assert.equal(refused.code, 1);
      assert.match(refused.err, want);
      assert.equal(reads(out), '82!');
      const services = (await (await fetch(`${agent.url}/v1/agent/services`)).json()) as {
        web: { Port: number };
      };
      assert.equal(services.web.Port, 82);
    }
  } finally {
    await agent.stop();
  }
});
