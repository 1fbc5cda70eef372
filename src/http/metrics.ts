import type { AgentMetrics, MetricSample } from '@portolan/sdk/wire';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Clock } from '../lib/clock.ts';

/** A value of one of several things of a kind. */
export interface LabelledGauge {
  /** Below `portolan.`. */
  readonly name: string;
  readonly value: number;
  /** The same names for every gauge of this name. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface HttpMetricsDeps {
  readonly clock: Clock;
  /** Other values worth telling, by name below `portolan.`. */
  readonly gauges: () => Readonly<Record<string, number>>;
  readonly labelledGauges?: () => readonly LabelledGauge[];
}

/** Counts answers as they are sent and tells them as agent/metrics does: since the start, nothing is forgotten. */
export class HttpMetrics {
  readonly #clock: Clock;
  readonly #gauges: HttpMetricsDeps['gauges'];
  readonly #labelledGauges: () => readonly LabelledGauge[];
  readonly #startedMs: number;
  readonly #tallies = new Map<string, Tally>();

  constructor(deps: HttpMetricsDeps) {
    this.#clock = deps.clock;
    this.#gauges = deps.gauges;
    this.#labelledGauges = deps.labelledGauges ?? (() => []);
    this.#startedMs = deps.clock.monotonicMs();
  }

  answered(method: string, status: number, tookMs: number): void {
    const name = `${method} ${status}`;
    let tally = this.#tallies.get(name);
    if (tally === undefined) {
      tally = new Tally(method, status);
      this.#tallies.set(name, tally);
    }
    tally.add(tookMs);
  }

  snapshot(): AgentMetrics {
    const seconds = Math.max(1, (this.#clock.monotonicMs() - this.#startedMs) / 1000);
    const time = new Date(this.#clock.wallMs()).toISOString();
    const labels = {};
    const plain = Object.entries(this.#allGauges()).map(([name, value]) => ({ name, value, labels }));
    const gauges = [...plain, ...this.#labelledGauges()];
    return {
      Timestamp: `${time.slice(0, 10)} ${time.slice(11, 19)} +0000 UTC`,
      Gauges: gauges.map(({ name, value, labels: Labels }) => ({
        Name: `portolan.${name}`,
        Value: value,
        Labels,
      })),
      Points: [],
      Counters: [],
      Samples: [...this.#tallies.values()].map((tally) => tally.sample(seconds)),
    };
  }

  /** The same in Prometheus' text format. */
  async prometheus(): Promise<string> {
    const registry = new Registry();
    for (const [name, value] of Object.entries(this.#allGauges())) {
      new Gauge({ name: metricName(name), help: name, registers: [registry] }).set(value);
    }
    addLabelled(registry, this.#labelledGauges());
    const labelNames = ['method', 'status'];
    const options = { labelNames, registers: [registry] };
    const total = new Counter({ name: 'portolan_http_requests_total', help: 'Answers sent', ...options });
    const time = new Counter({
      ...options,
      name: 'portolan_http_request_seconds_total',
      help: 'Time from a request to its answer, waits of blocking queries included',
    });
    for (const tally of this.#tallies.values()) {
      total.inc(tally.labels, tally.count);
      time.inc(tally.labels, tally.sumMs / 1000);
    }
    return registry.metrics();
  }

  #allGauges(): Readonly<Record<string, number>> {
    const { rss, heapUsed } = process.memoryUsage();
    return { 'runtime.rss_bytes': rss, 'runtime.heap_bytes': heapUsed, ...this.#gauges() };
  }
}

function metricName(name: string): string {
  return `portolan_${name.replaceAll('.', '_')}`;
}

function addLabelled(registry: Registry, gauges: readonly LabelledGauge[]): void {
  const known = new Map<string, Gauge>();
  for (const { name, value, labels } of gauges) {
    const gauge =
      known.get(name) ??
      new Gauge({
        name: metricName(name),
        help: name,
        labelNames: Object.keys(labels),
        registers: [registry],
      });
    known.set(name, gauge);
    gauge.set(labels, value);
  }
}

class Tally {
  readonly labels: Record<string, string>;
  count = 0;
  sumMs = 0;
  #minMs = Infinity;
  #maxMs = 0;
  #squares = 0;

  constructor(method: string, status: number) {
    this.labels = { method, status: String(status) };
  }

  add(ms: number): void {
    this.count += 1;
    this.sumMs += ms;
    this.#squares += ms * ms;
    if (ms < this.#minMs) this.#minMs = ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
  }

  sample(seconds: number): MetricSample {
    const mean = this.sumMs / this.count;
    return {
      Name: 'portolan.http.request_ms',
      Count: this.count,
      Rate: this.sumMs / seconds,
      Sum: this.sumMs,
      Min: this.#minMs,
      Max: this.#maxMs,
      Mean: mean,
      Stddev: Math.sqrt(Math.max(0, this.#squares / this.count - mean * mean)),
      Labels: this.labels,
    };
  }
}
