/**
 * The template engine alone: actions a second on an nginx upstream template over 100 services of 10 instances, and the time to
 * parse a template of 1,000 lines. Nothing is fetched and nothing is written.
 */
import { pathToFileURL } from 'node:url';

import { defineFunction, defineStruct, functionMap, pointerSliceType } from '../src/template/functions.ts';
import { executeTemplate, parseTemplate } from '../src/template/template.ts';
import { Slice, stringSlice, Struct } from '../src/template/values.ts';

export interface BenchResult {
  readonly name: string;
  readonly ratio: number;
  readonly limit: number;
  readonly detail: string;
}

const wantedActions = 1_500_000;
const wantedParseMs = 10;
const rounds = 9;
const roundMs = 300;
const parses = 60;
const warmUps = 40;

const upstreams = `{{range services}}{{$name := .Name}}upstream {{$name}} {
  zone upstream-{{$name}} 64k;
  {{range service $name}}server {{.Address}}:{{.Port}} max_fails=3 fail_timeout=60 weight={{.Weights.Passing}};
  {{else}}server 127.0.0.1:65535; # no instance
  {{end}}
}
{{end}}
server {
  listen 80 default_server;
  {{range services}}{{if ne .Name "consul"}}
  location /{{.Name}}/ { proxy_pass http://{{.Name}}; }{{end}}{{end}}
}
`;
const services = 100;
const instances = 10;
// One a service: the range itself, a variable, two names in the head, the inner range; one a server line: three; below it
// the condition and two names; and the two outer ranges.
const actions = 2 + services * (4 + instances * 3 + 3);

export function run(): BenchResult[] {
  const perSecond = median(measure(rounds, 1, () => rendersPerRound() * actions));
  const parseMs = median(measure(parses, warmUps, parseOnce));
  return [
    {
      name: 'actions a second on an nginx upstream template, against 1,500,000',
      ratio: perSecond / wantedActions,
      limit: 1,
      detail: `${Math.round(perSecond)}/s`,
    },
    {
      name: 'parses of a template of 1,000 lines in the 10 ms that one may take',
      ratio: wantedParseMs / parseMs,
      limit: 1,
      detail: `${parseMs.toFixed(2)} ms`,
    },
  ];
}

function measure(count: number, before: number, round: () => number): number[] {
  return Array.from({ length: before + count }, round).slice(before);
}

const weights = defineStruct<{ passing: number; warning: number }>({
  name: 'api.AgentWeights',
  fields: {
    Passing: { type: 'int', get: (source) => source.passing },
    Warning: { type: 'int', get: (source) => source.warning },
  },
});

const instance = defineStruct<{
  address: string;
  port: number;
  weights: { passing: number; warning: number };
}>({
  name: 'dependency.HealthService',
  fields: {
    Address: { type: 'string', get: (source) => source.address },
    Port: { type: 'int', get: (source) => source.port },
    Weights: { type: weights, get: (source) => new Struct(weights, source.weights, false) },
  },
});

const snippet = defineStruct<{ name: string; tags: readonly string[] }>({
  name: 'dependency.CatalogSnippet',
  fields: {
    Name: { type: 'string', get: (source) => source.name },
    Tags: { type: '[]string', get: (source) => stringSlice(source.tags) },
  },
});

const names = Array.from({ length: services }, (_, i) => ({ name: `service-${i}`, tags: [] }));
const snippets = new Slice(
  pointerSliceType(snippet),
  names.map((source) => new Struct(snippet, source)),
);
const byName = new Map(names.map(({ name }, i) => [name, instancesOf(i)]));

function instancesOf(service: number): Slice {
  const sources = Array.from({ length: instances }, (_, i) => ({
    address: `10.0.${service}.${i}`,
    port: 8000 + i,
    weights: { passing: 1 + (i % 3), warning: 1 },
  }));
  return new Slice(
    pointerSliceType(instance),
    sources.map((source) => new Struct(instance, source)),
  );
}

const functions = functionMap(
  defineFunction('services', { params: ['...string'] }, () => snippets),
  defineFunction('service', { params: ['...string'] }, (name) => byName.get(name ?? '')),
);
const template = parseTemplate('upstreams', upstreams, { functions });

/** Renders a second in one round. */
function rendersPerRound(): number {
  const start = process.hrtime.bigint();
  let renders = 0;
  for (;;) {
    // Counting the bytes makes one flat string of the output, as writing it would.
    Buffer.byteLength(executeTemplate(template, { functions }));
    renders++;
    const elapsedMs = Number(process.hrtime.bigint() - start) / 1e6;
    if (elapsedMs >= roundMs) return (renders / elapsedMs) * 1000;
  }
}

const longText = upstreams.repeat(Math.ceil(1000 / (upstreams.split('\n').length - 1)));

function parseOnce(): number {
  const start = process.hrtime.bigint();
  parseTemplate('long', longText, { functions });
  return Number(process.hrtime.bigint() - start) / 1e6;
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  for (const result of run()) {
    const verdict = result.ratio >= result.limit ? 'ok' : 'TOO LOW';
    console.log(
      `${verdict}  ${result.name}: ${result.ratio.toFixed(2)} (limit ${result.limit}) ${result.detail}`,
    );
    if (verdict !== 'ok') process.exitCode = 1;
  }
}
