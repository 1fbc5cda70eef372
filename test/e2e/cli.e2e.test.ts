/** The commands against a running agent: texts and exit codes as Consul's have them, JSON for scripts. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { cli, type CliEnded, type CliOptions } from '../../src/cli/cli.testkit.ts';
import { repoRoot } from '../../src/lib/repo-root.testkit.ts';
import { type RunningAgent, startAgent } from './agent.testkit.ts';
import { portolan, stackTrace } from './command.testkit.ts';

let agent: RunningAgent;
let folder = '';

before(async () => {
  agent = await startAgent();
  folder = mkdtempSync(join(tmpdir(), 'portolan-cli-'));
});
after(async () => {
  await agent.stop();
  rmSync(folder, { recursive: true });
});

const call = (line: string | readonly string[], options: CliOptions = {}): Promise<CliEnded> =>
  cli(typeof line === 'string' ? line.split(' ') : line, {
    ...options,
    env: { CONSUL_HTTP_ADDR: agent.url, ...options.env },
  });

async function prints(
  line: string | readonly string[],
  out: string,
  options: CliOptions = {},
): Promise<void> {
  assert.deepEqual(await call(line, options), { code: 0, out, err: '' }, String(line));
}

async function fails(line: string | readonly string[], err: string, code = 1): Promise<void> {
  assert.deepEqual(await call(line), { code, out: '', err }, String(line));
}

test('kv put, get and delete speak as Consul does', async () => {
  await prints('kv put greeting hello', 'Success! Data written to: greeting\n');
  await prints('kv get greeting', 'hello\n');
  await prints('kv get /greeting', 'hello\n');
  await prints('kv get -base64 greeting', 'aGVsbG8=\n');
  await prints('kv put empty', 'Success! Data written to: empty\n');
  await prints('kv get empty', '\n');
  await fails('kv get none', 'Error! No key exists at: none\n');
  await prints('kv delete greeting', 'Success! Deleted key: greeting\n');
  await prints('kv delete greeting', 'Success! Deleted key: greeting\n');
  await fails('kv get greeting', 'Error! No key exists at: greeting\n');
});

test('a value comes from the command line, a file or standard input, as bytes, also when it looks like a flag', async () => {
  writeFileSync(join(folder, 'value'), Buffer.from([0, 255, 10]));
  await call(['kv', 'put', 'bytes', `@${folder}/value`]);
  await prints('kv get -base64 bytes', 'AP8K\n');
  await call(['kv', 'put', 'bytes', '-'], { input: 'from input' });
  await prints('kv get bytes', 'from input\n');
  await call(['kv', 'put', '-base64', 'bytes', 'AAECAw==']);
  await prints('kv get -base64 bytes', 'AAECAw==\n');
  for (const value of ['-----BEGIN KEY-----', '-dev', '--token=x', 'a=b', ' spaced ', '-1']) {
    await call(['kv', 'put', 'bytes', value]);
    await prints('kv get bytes', `${value}\n`);
  }
  await fails(
    ['kv', 'put', 'bytes', '@/no/such'],
    'Error! Failed to read file: /no/such: no such file or directory\n',
  );
});

test('kv get lists keys and values below a prefix, in detail and as JSON', async () => {
  for (const key of ['app/a', 'app/b/c', 'app/b/d', 'apple'])
    await call(['kv', 'put', '-flags=18446744073709551615', key, `v ${key}`]);
  await prints('kv get -recurse app/', 'app/a:v app/a\napp/b/c:v app/b/c\napp/b/d:v app/b/d\n');
  await prints('kv get -keys app', 'app/\napple\n');
  await prints('kv get -keys app/', 'app/a\napp/b/\n');
  await prints('kv get -keys -separator= app/', 'app/a\napp/b/c\napp/b/d\n');
  await prints('kv get -recurse=false app/a', 'v app/a\n');
  const { out } = await call('kv get -detailed app/a');
  assert.match(
    out,
    /^CreateIndex +\d+\nFlags +18446744073709551615\nKey +app\/a\nLockIndex +0\nModifyIndex +\d+\nSession +-\nValue +v app\/a\n$/,
  );
  const [row] = JSON.parse((await call('kv get -recurse -json app/a')).out) as {
    Key: string;
    Value: string;
    Flags: string;
  }[];
  assert.deepEqual([row?.Key, Buffer.from(row?.Value ?? '', 'base64').toString()], ['app/a', 'v app/a']);
  assert.deepEqual(JSON.parse((await call('kv get -keys -json app/')).out), ['app/a', 'app/b/']);
  await prints('kv delete -recurse app/', 'Success! Deleted keys with prefix: app/\n');
  await prints('kv get -recurse app', 'apple:v apple\n');
});

test('kv put takes a lock for a session and gives it back', async () => {
  const create = { method: 'PUT', body: '{"NodeChecks":[],"LockDelay":"0s"}' };
  const made = await fetch(`${agent.url}/v1/session/create`, create);
  const { ID } = (await made.json()) as { readonly ID: string };
  const missing = 'Error! Missing -session (required with -acquire and -release)\n';
  await fails('kv put -acquire held x', missing);
  await fails('kv put -release held x', missing);
  await fails(`kv put -release -session=${ID} held x`, 'Error! Did not release lock\n');
  await prints(`kv put -acquire -session=${ID} -flags=7 held x`, 'Success! Lock acquired on: held\n');
  const { Session, LockIndex, Flags } = JSON.parse((await call('kv get -json held')).out) as {
    readonly [field: string]: unknown;
  };
  assert.deepEqual([Session, LockIndex, Flags], [ID, 1, '7']);
  const other = (await (await fetch(`${agent.url}/v1/session/create`, create)).json()) as { ID: string };
  await fails(`kv put -acquire -session=${other.ID} held y`, 'Error! Did not acquire lock\n');
  await prints(`kv put -release -session=${ID} held y`, 'Success! Lock released on: held\n');
  await prints('kv get held', 'y\n');
});

test('kv writes and deletes by check-and-set say when they lost', async () => {
  await prints('kv put -cas -modify-index=0 lock a', 'Success! Data written to: lock\n');
  await fails(
    'kv put -cas -modify-index=0 lock b',
    'Error! Did not write to lock: CAS performed with index=0 and key already exists.\n',
  );
  await fails('kv put -cas -modify-index=1 lock b', 'Error! Did not write to lock: CAS failed\n');
  await fails('kv delete -cas -modify-index=1 lock', 'Error! Did not delete key lock: CAS failed\n');
  const { ModifyIndex } = JSON.parse((await call('kv get -json lock')).out) as { ModifyIndex: number };
  await prints(`kv put -cas -modify-index=${ModifyIndex} lock c`, 'Success! Data written to: lock\n');
  await prints('kv get lock', 'c\n');
  await prints('kv delete lock', 'Success! Deleted key: lock\n');
});

test('members prints a table, tags in detail, JSON; exit code 2 when none matches', async () => {
  const { out } = await call('members');
  const [head, row, end] = out.split('\n');
  assert.match(head ?? '', /^Node +Address +Status +Type +Build +Protocol +DC +Segment$/);
  assert.match(row ?? '', /^e2e +127\.0\.0\.1:8301 +alive +server +\d+\.\d+\.\d+ +2 +dc1 +<all>$/);
  assert.equal(end, '');
  assert.match(
    (await call('members -detailed')).out,
    /^e2e +127\.0\.0\.1:8301 +alive +.*\bdc=dc1,.*role=consul/m,
  );
  assert.equal((JSON.parse((await call('members -json')).out) as object[]).length, 1);
  await fails('members -status=failed', '', 2);
});

test('services are registered, listed and deregistered', async () => {
  const register = [
    'services',
    'register',
    '-name=web',
    '-id=web-1',
    '-port=80',
    '-tag=b',
    '-tag=a',
    '-meta=team=shop',
  ];
  await prints(register, 'Registered service: web\n');
  await prints(
    'services',
    [
      'Name    Instances  Passing  Tags',
      'consul  1          1        ',
      'web     1          1        a,b',
      '',
    ].join('\n'),
  );
  const rows = JSON.parse((await call('services -json')).out) as object[];
  assert.deepEqual(rows[1], { Name: 'web', Instances: 1, Passing: 1, Tags: ['a', 'b'] });
  const own = (await (await fetch(`${agent.url}/v1/agent/service/web-1`)).json()) as {
    Meta: object;
    Port: number;
  };
  assert.deepEqual([own.Meta, own.Port], [{ team: 'shop' }, 80]);
  await prints('services deregister -id=web-1', 'Deregistered service: web-1\n');
  const again = await call('services deregister -id=web-1');
  assert.equal(again.code, 1);
  assert.match(again.err, /Unexpected response code: 404 \(Unknown service ID "web-1"/);
});

test('which agent is asked comes from a flag before the environment, and with any spelling', async () => {
  const { port } = new URL(agent.url);
  const nowhere = { CONSUL_HTTP_ADDR: '127.0.0.1:9' };
  for (const flag of [`-http-addr=${agent.url}`, `--http-addr=127.0.0.1:${port}`]) {
    assert.equal((await call(['members', flag], { env: nowhere })).code, 0);
  }
  assert.equal((await call(['members', '-http-addr', agent.url], { env: nowhere })).code, 0);
  assert.equal((await call('members', { env: nowhere })).code, 1);
  assert.equal((await call('kv get -stale -token=x -datacenter=dc1 apple')).code, 0);
  assert.equal((await call('kv get -namespace=default -partition=default apple')).code, 0);
  const other = await call('kv get -datacenter=dc9 apple');
  assert.deepEqual([other.code, /No path to datacenter/.test(other.err)], [1, true], other.err);
});

test('a pipe gets plain text, exit codes reach the shell, and a reader may leave early', async () => {
  const env = { CONSUL_HTTP_ADDR: agent.url, FORCE_COLOR: '1' };
  const members = await portolan(['members'], { env });
  assert.deepEqual([members.code, members.err], [0, '']);
  assert.doesNotMatch(members.out, /\x1b/);
  assert.equal((await portolan(['kv', 'get', 'none'], { env })).code, 1);
  assert.equal((await portolan(['nope'])).code, 127);
  const log = agent.log();
  assert.doesNotMatch(log, /\x1b/);
  assert.doesNotMatch(log, stackTrace);
});

interface Vector {
  readonly name: string;
  readonly template: string;
  readonly data?: unknown;
  readonly output?: string;
  readonly error?: string;
  readonly missingkey?: string;
  readonly delims?: readonly [string, string];
  readonly deny?: readonly string[];
  readonly errMissing?: boolean;
}

function vectorArgs(vector: Vector): string[] {
  const [left, right] = vector.delims ?? [];
  return [
    ...(vector.missingkey === undefined ? [] : [`--missingkey=${vector.missingkey}`]),
    ...(left === undefined ? [] : ['--left-delimiter', left, '--right-delimiter', right!]),
    ...(vector.deny ?? []).map((name) => `--deny=${name}`),
    ...(vector.errMissing === true ? ['--error-on-missing-key'] : []),
  ];
}

/** JSON.stringify forgets the sign of -0. */
function dataText({ data = null }: Vector): string {
  const mark = 'minus zero';
  return JSON.stringify(data, (_, value: unknown) => (Object.is(value, -0) ? mark : value)).replaceAll(
    `"${mark}"`,
    '-0',
  );
}

async function evaluates(vector: Vector, args: readonly string[]): Promise<void> {
  writeFileSync(join(folder, 'vector.tmpl'), vector.template);
  const ended = await cli(['template', 'eval', ...args, ...vectorArgs(vector), join(folder, 'vector.tmpl')]);
  if (vector.error === undefined)
    assert.deepEqual(ended, { code: 0, out: vector.output ?? '', err: '' }, vector.name);
  else assert.deepEqual(ended, { code: 1, out: '', err: `${vector.error}\n` }, vector.name);
}

test('template eval gives for recorded templates what was recorded, byte for byte', async () => {
  const root = repoRoot(import.meta.url);
  const read = (name: string): unknown =>
    JSON.parse(readFileSync(join(root, 'test/compat/vectors', name), 'utf8'));
  for (const vector of read('go-template.json') as readonly Vector[]) {
    writeFileSync(join(folder, 'data.json'), dataText(vector));
    await evaluates(vector, [`--data=${folder}/data.json`, '--name=t']);
  }
  const { fixture, vectors } = read('template-functions.json') as {
    fixture: object;
    vectors: readonly Vector[];
  };
  writeFileSync(join(folder, 'world.json'), JSON.stringify(fixture));
  const special = vectors.filter(({ delims, deny, errMissing }) => delims ?? deny ?? errMissing);
  assert.ok(special.length > 4);
  for (const vector of special) await evaluates(vector, [`--fixture=${folder}/world.json`]);
});
