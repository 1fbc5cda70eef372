/** The story itself: what happens, step by step, what was seen of it, and whether the promise held. */
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../../dist/test/e2e/agent.testkit.js';
import { askService } from './dns.mjs';
import { bad, bold, dim, good, line, ms, table } from './print.mjs';
import { Stage } from './stage.mjs';
import { ask, judge, Traffic } from './traffic.mjs';
import { reloadOf, Witness } from './witness.mjs';

/** Traffic after each change. */
const watchMs = 2000;

/** Tells it and cleans up; resolves with the exit code. */
export async function tell() {
  const stopped = catchSignals();
  const stage = new Stage();
  const story = new Story(stage);
  let code = 1;
  try {
    code = (await Promise.race([story.run(), stopped, stage.failed])) ? 0 : 1;
  } catch (error) {
    code = error.code === 'stopped' ? 130 : 1;
    line(bad(`\n${code === 130 ? 'Stopped' : `Failed: ${error.message}`}`));
    if (code === 1) line(stage.log());
  } finally {
    story.stop();
    const from = performance.now();
    line(dim('\nRemoving containers, Docker daemon, nginx, Portolan and their folder ...'));
    await stage.close().catch((error) => line(bad(`not all was removed: ${error.message}`)));
    line(dim(`Removed in ${ms(performance.now() - from)}.`));
  }
  return code;
}

/** Rejects on the first signal; later ones are heard, and cleaning goes on. */
function catchSignals() {
  const stopped = new Promise((_, reject) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
      process.on(signal, () => reject(Object.assign(new Error(signal), { code: 'stopped' })));
    }
  });
  stopped.catch(() => {});
  return stopped;
}

class Story {
  #stage;
  #witness;
  #traffic;
  #steps = [];
  #kills = [];
  #problems = [];
  #isOver = false;

  constructor(stage) {
    this.#stage = stage;
  }

  async run() {
    line(bold('Portolan: a container starts, and DNS, HTTP and nginx know it'));
    await this.#setUp();
    await this.#step('One container', () => this.#run('app-1'), ['app-1']);
    this.#traffic.start();
    line(
      dim(
        '  From now on six clients ask nginx for a page, again and again, each time over a new connection.',
      ),
    );
    const five = ['app-1', 'app-2', 'app-3', 'app-4', 'app-5'];
    await this.#step('Scale 1 -> 5', () => this.#run('app-2', 'app-3', 'app-4', 'app-5'), five);
    await this.#step('Scale 5 -> 2', () => this.#stop('app-3', 'app-4', 'app-5'), ['app-1', 'app-2']);
    await this.#step('Kill one', () => this.#kill('app-2'), ['app-1']);
    await this.#traffic.stop();
    this.#witness.close();
    return this.#conclude();
  }

  /** It says and does nothing more. */
  stop() {
    this.#isOver = true;
  }

  #goOn() {
    if (this.#isOver) throw new Error('stopped');
  }

  async #timed(what, act) {
    const from = performance.now();
    await act();
    this.#goOn();
    line(`  ${what.padEnd(66)} ${ms(performance.now() - from)}`);
  }

  async #setUp() {
    const stage = this.#stage;
    line(`\n${bold('Set-up')}`);
    await this.#timed('a Docker daemon of its own, and an image made of busybox alone', () =>
      stage.openDocker(),
    );
    await this.#timed('nginx, balancing over an upstream that has no server yet', () => stage.openNginx());
    let args = [];
    await this.#timed('Portolan, following that daemon', async () => (args = await stage.openPortolan()));
    const [docker, watched] = args.splice(-2);
    command(`portolan ${args.join(' ')} \\`);
    line(dim(`        ${docker} ${watched.replaceAll(stage.folder, '$DEMO')}`));
    this.#witness = await Witness.open(stage.dockerd.socketPath);
    this.#traffic = new Traffic(stage.nginxPort);
    line(`  nginx on port ${stage.nginxPort} answers: ${(await ask(stage.nginxPort)).problem}`);
  }

  /** Does `act`, waits until nginx was reloaded with just `expected`, watches, and prints what was seen. */
  async #step(title, act, expected) {
    const stage = this.#stage;
    line(`\n${bold(title)}`);
    const begun = performance.timeOrigin + performance.now();
    const before = { events: this.#witness.events.length, reloads: stage.reloads().length };
    await act();
    this.#goOn();
    const isDone = () => stage.reloads().at(-1)?.names.join() === expected.join() || undefined;
    await until(isDone, 10_000, () => `nginx was not reloaded with ${expected.join(', ')}`);
    this.#goOn();
    const events = this.#witness.events.slice(before.events);
    for (const event of events) this.#printEvent(event);
    const done = stage.reloads().at(-1).end;
    await sleep(watchMs);
    this.#goOn();
    await this.#printViews(expected, done);
    this.#goOn();
    const reloads = stage.reloads().slice(before.reloads);
    this.#steps.push({ title, begun, ended: performance.timeOrigin + performance.now(), events, reloads });
    this.#printRequests(this.#steps.at(-1));
  }

  async #run(...names) {
    for (const name of names)
      command(`docker run -d -P -e SERVICE_NAME=app --name ${name} ${this.#stage.dockerd.image}`);
    await Promise.all(names.map((name) => this.#stage.runApp(name)));
  }

  async #stop(...names) {
    command(`docker stop ${names.join(' ')} && docker rm ${names.join(' ')}`);
    await Promise.all(names.map((name) => this.#stage.stopApp(name)));
  }

  async #kill(name) {
    command(`docker rm -f ${name}`);
    this.#kills.push({ name, begin: performance.timeOrigin + performance.now() });
    await this.#stage.dockerd.api.remove(name);
  }

  #printEvent(event) {
    const reload = reloadOf(event, this.#stage.reloads());
    const what = `Docker says: ${event.name} ${event.action === 'start' ? 'started' : 'died'}`;
    if (reload === undefined) {
      this.#problems.push(`no reload for ${event.name} ${event.action}`);
      return line(`  ${what.padEnd(30)} ${bad('no reload')}`);
    }
    const [begun, done] = [reload.begin - event.at, reload.end - event.at];
    line(`  ${what.padEnd(30)} reload command started after ${bold(ms(begun))}, done after ${ms(done)}`);
  }

  /** What each of the three views says now, and who answers. */
  async #printViews(expected, reloaded) {
    const stage = this.#stage;
    const ports = await askService('app.service.consul', stage.ports.dns);
    line(`  DNS    app.service.consul SRV  ${ports.length} answer(s), port ${ports.join(' ')}`);
    this.#expect(ports.length === expected.length, `DNS has ${ports.length} answers, not ${expected.length}`);
    const file = readFileSync(stage.upstreamFile, 'utf8');
    const servers = [...file.matchAll(/server 127\.0\.0\.1:(\d+);/g)].map(([, port]) => Number(port));
    this.#expect(servers.sort((a, b) => a - b).join() === ports.join(), 'DNS and the upstream file differ');
    const [head = '', ...rows] = (await stage.portolan('services')).trimEnd().split('\n');
    line(`  HTTP   $ portolan services     ${dim(head)}`);
    for (const row of rows.filter((text) => text.startsWith('app '))) line(`${' '.repeat(33)}${row}`);
    if (this.#traffic.requests.length === 0) {
      const { by, problem } = await ask(stage.nginxPort);
      this.#expect(by === expected[0], `nginx answers ${problem || by}`);
      return line(`  nginx  answers: ${by || problem}`);
    }
    const counts = this.#traffic.answersSince(reloaded + 250);
    line(`  nginx  answers come from       ${[...counts].map(([name, n]) => `${name} ${n}`).join(', ')}`);
    this.#expect(
      [...counts.keys()].join() === expected.join(),
      `answers came from ${[...counts.keys()].join(' ')}`,
    );
  }

  #expect(isTrue, problem) {
    if (isTrue) return;
    this.#problems.push(problem);
    line(`  ${bad(problem)}`);
  }

  #requestsOf({ begun, ended }) {
    return this.#traffic.requests.filter((one) => one.begun >= begun && one.begun < ended);
  }

  #printRequests(step) {
    const sent = this.#requestsOf(step);
    if (sent.length === 0) return;
    const failed = sent.filter(({ problem }) => problem !== '');
    line(
      `  client ${sent.length} requests, ${failed.length} failed${failed.length > 0 ? `: ${reasons(failed)}` : ''}`,
    );
  }

  #conclude() {
    const reloads = this.#stage.reloads();
    const kills = this.#kills.map(({ name, begin }) => {
      const event = this.#witness.events.find((one) => one.name === name && one.action === 'die');
      return { begin, end: reloadOf(event, reloads).end };
    });
    const groups = judge(this.#traffic.requests, { reloads, kills });
    line(`\n${bold('Summary')}`);
    table([
      ['step', 'events', 'event -> reload started', '-> done', 'reloads', 'requests', 'failed'],
      ...this.#steps.map((step) => this.#row(step, reloads)),
    ]);
    line(dim('  What changes while a reload runs waits for its end, and shares the next one.'));
    line();
    table([
      ['requests', 'sent', 'failed'],
      groupRow('begun 250 ms or more after a reload (the promise: none fails)', groups.steady),
      groupRow('begun in the 250 ms after a reload', groups.reloading),
      groupRow('window of the rm -f, from its call to 250 ms after its reload', groups.killed),
    ]);
    const broken = groups.steady.filter(({ problem }) => problem !== '');
    if (broken.length > 0) this.#problems.push(`${broken.length} requests failed: ${reasons(broken)}`);
    if (groups.steady.length === 0) this.#problems.push('no request was sent');
    line();
    for (const problem of this.#problems) line(bad(`  not as promised: ${problem}`));
    if (this.#problems.length === 0)
      line(good('  The promise held: zero failed requests, and every view told the truth.'));
    return this.#problems.length === 0;
  }

  #row(step, reloads) {
    const times = step.events.map((event) => {
      const { begin, end } = reloadOf(event, reloads) ?? { begin: Number.NaN, end: Number.NaN };
      return { started: begin - event.at, done: end - event.at };
    });
    const sent = this.#requestsOf(step);
    return [
      step.title,
      String(step.events.length),
      range(times.map(({ started }) => started)),
      range(times.map(({ done }) => done)),
      String(step.reloads.length),
      sent.length === 0 ? '-' : String(sent.length),
      sent.length === 0 ? '-' : String(sent.filter(({ problem }) => problem !== '').length),
    ];
  }
}

function command(text) {
  line(dim(`    $ ${text}`));
}

function range(values) {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return values.length < 2 ? ms(low) : `${ms(low)} .. ${ms(high)}`;
}

function groupRow(title, requests) {
  return [title, String(requests.length), String(requests.filter(({ problem }) => problem !== '').length)];
}

function reasons(failed) {
  const counts = new Map();
  for (const { problem } of failed) counts.set(problem, (counts.get(problem) ?? 0) + 1);
  return [...counts].map(([problem, n]) => `${n} x ${problem}`).join(', ');
}
