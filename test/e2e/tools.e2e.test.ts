/** The tools that people reach for: dig, curl, nginx. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type RunningAgent, startAgent, until } from './agent.testkit.ts';
import { run, scratchFolder } from './command.testkit.ts';

const missing = (path: string): string | false => !existsSync(path) && `no ${path} on this machine`;

let agent: RunningAgent;
const many = 100;

before(async () => {
  agent = await startAgent();
  const put = async (path: string, body: object | string): Promise<void> => {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const response = await fetch(agent.url + path, { method: 'PUT', body: text });
    assert.equal(response.status, 200, await response.text());
  };
  const register = (service: object): Promise<void> => put('/v1/agent/service/register', service);
  await register({ Name: 'web', ID: 'web-1', Address: '192.0.2.1', Port: 8080, Tags: ['v1'] });
  await register({ Name: 'web', ID: 'web-2', Address: '192.0.2.2', Port: 8081 });
  await register({ Name: 'web', ID: 'web-3', Address: '192.0.2.3', Check: { TTL: '1h' } });
  await register({ Name: 'six', Address: '2001:db8::6', Port: 6 });
  for (let i = 0; i < many; i++) {
    await register({ Name: 'many', ID: `many-${i}`, Address: `198.51.100.${i}`, Port: 1000 + i });
  }
  await put('/v1/catalog/register', { Node: 'far', Address: '192.0.2.50', NodeMeta: { rack: 'r 1' } });
  await put('/v1/kv/text', 'hello');
});
after(() => agent.stop());

interface Dug {
  readonly status: string;
  readonly flags: readonly string[];
  /** Without owner, TTL and class: `A 192.0.2.1`. */
  readonly answers: readonly string[];
  readonly all: string;
}

async function dig(...args: readonly string[]): Promise<Dug> {
  const base = ['@127.0.0.1', '-p', String(agent.ports.dns), '+tries=1', '+time=2'];
  const ended = await run('dig', [...base, ...args]);
  assert.equal(ended.code, 0, ended.out + ended.err);
  const text = ended.out;
  assert.doesNotMatch(text, /malformed|extra bytes|FORMERR/i);
  const section = /;; ANSWER SECTION:\n([\s\S]*?)\n\n/.exec(text)?.[1] ?? '';
  const answers = section.split('\n').filter((line) => line !== '');
  return {
    status: /status: (\w+)/.exec(text)?.[1] ?? '',
    flags: /flags: ([a-z ]*);/.exec(text)?.[1]?.split(' ') ?? [],
    answers: answers.map((line) => line.split(/\s+/).slice(3).join(' ')).sort(),
    all: text,
  };
}

describe('dig', { skip: missing('/usr/bin/dig'), concurrency: 4 }, () => {
  const rows: readonly { args: readonly string[]; want: readonly string[] }[] = [
    { args: ['web.service.consul'], want: ['A 192.0.2.1', 'A 192.0.2.2'] },
    { args: ['WEB.service.DC1.consul', 'A', '+tcp'], want: ['A 192.0.2.1', 'A 192.0.2.2'] },
    { args: ['v1.web.service.consul', 'A'], want: ['A 192.0.2.1'] },
    {
      args: ['_web._tcp.service.consul', 'SRV'],
      want: ['SRV 1 1 8080 c0000201.addr.dc1.consul.', 'SRV 1 1 8081 c0000202.addr.dc1.consul.'],
    },
    { args: ['six.service.consul', 'AAAA'], want: ['AAAA 2001:db8::6'] },
    { args: ['six.service.consul', 'A'], want: [] },
    { args: ['far.node.consul', 'ANY', '+notcp'], want: ['A 192.0.2.50', 'TXT "rack=r 1"'] },
    { args: ['far.node.consul', 'TXT'], want: ['TXT "rack=r 1"'] },
    { args: ['c0000209.addr.dc1.consul'], want: ['A 192.0.2.9'] },
    { args: ['-x', '192.0.2.50'], want: ['PTR far.node.dc1.consul.'] },
    { args: ['consul', 'NS'], want: ['NS e2e.node.dc1.consul.'] },
  ];
  for (const { args, want } of rows) {
    test(args.join(' '), async () => {
      const { status, answers, flags } = await dig(...args);
      assert.deepEqual([status, answers], ['NOERROR', want]);
      assert.ok(flags.includes('aa'));
    });
  }

  test('a name that is not there is NXDOMAIN with the SOA, one outside the zone is refused', async () => {
    const none = await dig('none.service.consul');
    assert.equal(none.status, 'NXDOMAIN');
    assert.match(
      none.all,
      /AUTHORITY SECTION:\nconsul\.\s+0\s+IN\s+SOA\s+ns\.consul\. hostmaster\.consul\. /,
    );
    assert.equal((await dig('example.com')).status, 'REFUSED');
  });

  test('without EDNS three answers, with EDNS as many as fit, over TCP all', async () => {
    assert.equal((await dig('many.service.consul', '+noedns')).answers.length, 3);
    const fits = await dig('many.service.consul', '+bufsize=1232', '+ignore');
    assert.ok(fits.answers.length > 60 && fits.answers.length < many, String(fits.answers.length));
    assert.match(fits.all, /MSG SIZE\s+rcvd: (?:1[01]\d\d|12[0-2]\d|123[0-2])$/m);
    assert.equal((await dig('many.service.consul', '+tcp')).answers.length, many);
    const srv = await dig('many.service.consul', 'SRV', '+tcp');
    assert.equal(srv.answers.length, many);
  });

  test('a zone that may not be transferred, and another class, are refused', async () => {
    const transfer = await run('dig', [
      '@127.0.0.1',
      '-p',
      String(agent.ports.dns),
      '+tries=1',
      'consul',
      'AXFR',
    ]);
    assert.match(transfer.out, /Transfer failed/);
    const chaos = await dig('version.bind', 'CH', 'TXT');
    assert.match(chaos.status, /REFUSED|NOTIMP/);
  });
});

test('where enable_truncate is set, dig comes back over TCP by itself', {
  skip: missing('/usr/bin/dig'),
}, async () => {
  const own = await startAgent({ args: ['-hcl=dns_config { enable_truncate = true }'] });
  try {
    for (let i = 0; i < 10; i++) {
      const body = JSON.stringify({ Name: 'ten', ID: `ten-${i}`, Address: `192.0.2.${i}` });
      await fetch(`${own.url}/v1/agent/service/register`, { method: 'PUT', body });
    }
    const args = ['@127.0.0.1', '-p', String(own.ports.dns), '+noedns', 'ten.service.consul'];
    const ignoring = await run('dig', [...args, '+ignore']);
    assert.match(ignoring.out, /flags: qr aa tc rd.*ANSWER: 3,/);
    const following = await run('dig', args);
    assert.match(following.out, /Truncated, retrying in TCP mode[^]*ANSWER: 10,/);
  } finally {
    await own.stop();
  }
});

describe('curl', { skip: missing('/usr/bin/curl'), concurrency: 4 }, () => {
  const curl = async (...args: readonly string[]): Promise<string> => {
    const ended = await run('curl', ['-sS', '--max-time', '10', ...args]);
    assert.equal(ended.code, 0, ended.err);
    return ended.out;
  };
  const code = ['-o', '/dev/null', '-w', '%{http_code}'];

  test('a body comes compressed when it is asked for, and is the same', async (t) => {
    const out = join(scratchFolder(t), 'body');
    const url = `${agent.url}/v1/health/service/many`;
    const headers = await curl('-D', '-', '-o', out, '-H', 'Accept-Encoding: gzip', url);
    assert.match(headers, /^Content-Encoding: gzip\r$/im);
    assert.match(headers, /^Vary: Accept-Encoding\r$/im);
    const plain = await curl('-H', 'Accept-Encoding: identity', url);
    const compressed = readFileSync(out);
    assert.ok(compressed.length < plain.length / 5);
    assert.equal((JSON.parse(gunzipSync(compressed).toString()) as object[]).length, many);
    assert.deepEqual(JSON.parse(await curl('--compressed', url)), JSON.parse(plain));
  });

  test('HTTP/1.0 gets an answer and the end of its connection', async () => {
    const reply = await curl('-0', '-i', `${agent.url}/v1/kv/text?raw`);
    assert.match(reply, /^HTTP\/1\.[01] 200 OK\r\n/);
    assert.match(reply, /\r\n\r\nhello$/);
  });

  test('a method that an endpoint does not have is refused with those that it has', async () => {
    const reply = await curl('-I', `${agent.url}/v1/kv/text`);
    assert.match(reply, /^HTTP\/1\.1 405 Method Not Allowed\r\n/);
    assert.match(reply, /^Allow: OPTIONS,GET,PUT,DELETE\r$/im);
  });

  test('-d sends a form, which is taken as the value that it is', async () => {
    assert.equal((await curl('-X', 'PUT', '-d', 'a=1&b=2', `${agent.url}/v1/kv/form`)).trim(), 'true');
    assert.equal(await curl(`${agent.url}/v1/kv/form?raw`), 'a=1&b=2');
    const json = '{"Name": "formed", "Port": 1}';
    assert.equal(
      await curl(...code, '-X', 'PUT', '-d', json, `${agent.url}/v1/agent/service/register`),
      '200',
    );
    assert.equal(await curl(...code, '-d', 'x', `${agent.url}/v1/kv/form`), '405');
  });

  test('a body that waits for 100 Continue is sent after it, or refused before it', async (t) => {
    const folder = scratchFolder(t);
    const [small, large] = [join(folder, 'small'), join(folder, 'large')];
    writeFileSync(small, Buffer.alloc(200_000, 'a'));
    writeFileSync(large, Buffer.alloc(2_000_000, 'a'));
    const send = (file: string): Promise<string> => {
      const body = ['-X', 'PUT', '-H', 'Expect: 100-continue', '--data-binary', `@${file}`];
      return curl(
        '-i',
        '--expect100-timeout',
        '5',
        ...body,
        '-w',
        ' sent %{size_upload}',
        `${agent.url}/v1/kv/waits`,
      );
    };
    assert.match(
      await send(small),
      /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 200 OK[^]*true *\n? sent 200000$/,
    );
    assert.match(
      await send(large),
      /^HTTP\/1\.1 413 [^]*Request body\(2000000 bytes\) too large[^]* sent 0$/,
    );
    assert.equal(await curl(...code, '-T', small, `${agent.url}/v1/kv/uploaded`), '200');
  });

  test('a blocking query waits for its change, and not for others', async () => {
    await curl('-X', 'PUT', '-d', 'old', `${agent.url}/v1/kv/awaited`);
    const index =
      /X-Consul-Index: (\d+)/i.exec(await curl('-i', `${agent.url}/v1/kv/awaited?raw`))?.[1] ?? '0';
    const waiting = curl(`${agent.url}/v1/kv/awaited?raw&index=${index}&wait=8s`);
    await curl('-X', 'PUT', '-d', 'no', `${agent.url}/v1/kv/unrelated`);
    await curl('-X', 'PUT', '-d', 'now', `${agent.url}/v1/kv/awaited`);
    assert.equal(await waiting, 'now');
  });
});

describe('nginx', { skip: missing('/usr/sbin/nginx') }, () => {
  test('nginx -t judges a candidate before it takes the place of the file that works', async (t) => {
    const folder = scratchFolder(t);
    const path = (name: string): string => join(folder, name);
    writeFileSync(
      path('in.ctmpl'),
      `error_log stderr; pid ${folder}/pid; events {}
http { access_log off; upstream web { {{ range service "web" }}
  server {{ .Address }}:{{ .Port }} {{ key "options" }};{{ end }}
} server { listen unix:${folder}/sock; location / { proxy_pass http://web; } } }
`,
    );
    writeFileSync(
      path('agent.hcl'),
      `template {
  source = "${path('in.ctmpl')}" destination = "${path('nginx.conf')}" perms = 0640
  check = "nginx -t -q -c $PORTOLAN_CANDIDATE"
  command = "cp $PORTOLAN_DESTINATION ${path('reloaded')}"
}
service { name = "web" port = 80 address = "192.0.2.1" }`,
    );
    const own = await startAgent({ args: [`-config-file=${path('agent.hcl')}`] });
    t.after(() => own.stop());
    const set = (value: string): Promise<Response> =>
      fetch(`${own.url}/v1/kv/options`, { method: 'PUT', body: value });
    const reloadedWith = (text: string): Promise<true> =>
      until(
        () =>
          existsSync(path('reloaded')) && readFileSync(path('reloaded'), 'utf8').includes(text)
            ? true
            : undefined,
        5000,
        own.log,
      );
    await set('weight=2');
    await reloadedWith('weight=2');
    assert.equal(statSync(path('nginx.conf')).mode & 0o777, 0o640);
    await set('wieght=3');
    await until(() => (own.log().includes('check refused the candidate') ? true : undefined), 5000, own.log);
    assert.match(own.log(), /nginx.*invalid parameter \W*wieght=3/);
    assert.match(readFileSync(path('nginx.conf'), 'utf8'), /weight=2;/);
    await set('weight=4');
    await reloadedWith('weight=4');
  });
});
