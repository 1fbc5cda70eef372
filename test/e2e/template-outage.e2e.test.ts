/** `portolan template` when things go wrong beyond it: data that vanish, files that belong together, edits, long waits. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { TemplateStage } from './template-program.testkit.ts';

test('watch: a saved template and a saved configuration are taken, and a broken one changes nothing', async (t) => {
  const stage = await TemplateStage.open(t);
  const stanza = 'template { source = "@in" destination = "@out" command = "echo ran >> @ran" }';
  const running = stage.start(`watch = true ${stanza}`);
  await stage.becomes('out', 'one\n', running);
  stage.write('in', '<{{ key "a" }}>\n');
  await stage.becomes('out', '<one>\n', running);
  stage.write('in', '{{ range }}');
  await running.says('the former one goes on');
  stage.server.set('a', 'two');
  await stage.becomes('out', '<two>\n', running);
  stage.write('in', '[{{ key "a" }}]\n');
  await stage.becomes('out', '[two]\n', running);
  const more = ' template { contents = "more" destination = "@more" }';
  stage.write(running.config.slice(stage.folder.length + 1), stage.config(`watch = true ${stanza}${more}`));
  await stage.becomes('more', 'more', running);
  assert.equal(stage.text('ran'), 'ran\n'.repeat(4));
  running.signal('SIGTERM');
  assert.equal(await running.exited, 0);
  assert.deepEqual(stage.leftovers(), []);
});

test('kill -9 in a check in place: the next start has the former file back, and lets the check decide', async (t) => {
  const stage = await TemplateStage.open(t);
  const hang =
    'grep -q one @out && exit 0; grep -q three @out && exit 0; echo x >> @step; while test -e @in; do sleep 0.05; done';
  const stanza = `template { source = "@in" destination = "@out" check = "${hang}" command = "cat @out >> @ran" }`;
  const first = stage.start(stanza);
  await stage.becomes('ran', 'one\n', first);
  stage.server.set('a', 'two');
  await stage.becomes('step', /x/, first);
  assert.equal(stage.text('out'), 'two\n');
  first.signal('SIGKILL');
  await first.exited;
  stage.server.set('a', 'three');
  const second = stage.start(stanza);
  await second.says('a check was cut off: the file is as it was before');
  await stage.becomes('ran', 'one\nthree\n', second);
  assert.deepEqual([stage.text('out'), stage.leftovers()], ['three\n', []]);
});

test('a run with -once that takes longer than -once-timeout ends with 14 and names what is missing', async (t) => {
  const stage = await TemplateStage.open(t);
  const running = stage.start('template { contents = "{{ key \\"b\\" }}" destination = "@out" }', [
    '-once',
    '-once-timeout=1s',
  ]);
  assert.equal(await running.exited, 14);
  assert.match(running.log(), /once_timeout is over after 1 s: .*out waits for kv\.block\(b\) \(1 s\)/);
  const quick = stage.start('template { source = "@in" destination = "@out" }', [
    '-once',
    '-once-timeout=8s',
  ]);
  assert.equal(await quick.exited, 0);
});

test('files of a command group appear together, stay together when one is refused, and share a command', async (t) => {
  const stage = await TemplateStage.open(t);
  const member = (name: string, more: string): string =>
    `template { contents = "{{ key \\"${name}\\" }}" destination = "@${name}.out" command_group = "g" ${more} }\n`;
  const running = stage.start(
    member('a', 'command = "cat @a.out @b.out >> @ran"') +
      member('b', 'check = "! grep -q bad $PORTOLAN_CANDIDATE"'),
  );
  await running.says('following');
  await delay(300);
  assert.equal(stage.text('a.out'), undefined);
  stage.server.set('b', '1');
  await stage.becomes('ran', 'one1', running);
  stage.server.set('b', 'bad');
  await running.says('check refused the candidate');
  stage.server.set('a', 'two');
  stage.server.set('b', '2');
  await stage.becomes('ran', /^one1.*two2$/, running);
  assert.ok(!stage.text('ran')!.includes('bad'));
});

test('hold: instances that vanish all at once leave the file as it is, and status says why', async (t) => {
  const stage = await TemplateStage.open(t);
  const url = await stage.startAgent();
  const put = async (path: string, body: object): Promise<void> => {
    const { status } = await fetch(`${url}/v1/catalog/${path}`, {
      method: 'PUT',
      body: JSON.stringify(body),
    });
    assert.equal(status, 200);
  };
  const instance = (port: number): object => ({
    Node: 'n1',
    Address: '127.0.0.2',
    Service: { ID: `web-${port}`, Service: 'web', Port: port },
  });
  for (const port of [1, 2, 3, 4]) await put('register', instance(port));
  const body = '{{ range service \\"web\\" }}{{ .Port }} {{ end }}';
  const running = stage.start(
    `template { contents = "${body}" destination = "@out" hold { max_drop = "50%" } }\nconsul { address = "${url}" }`,
  );
  await stage.becomes('out', '1 2 3 4 ', running);
  for (const port of [1, 2, 3, 4]) await put('deregister', { Node: 'n1', ServiceID: `web-${port}` });
  await running.says('has lost');
  await put('register', instance(9));
  await put('register', instance(4));
  await stage.becomes('out', '4 9 ', running);
  assert.match(running.log(), /file is held as it is .*web\|passing\) has lost \d of 4 items, more than 50%/);
});
