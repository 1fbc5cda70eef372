import { Client, type Dispatcher } from 'undici';
import type { CheckStatus } from '../model/check.ts';
import type { CheckKind } from '../model/registration.ts';
import { goNetworkError } from './go-error.ts';
import { Tail } from './output.ts';
import type { Probe, ProbeLimits, ProbeResult } from './probe.ts';

type HttpKind = Extract<CheckKind, { type: 'http' }>;

const maxRedirects = 10;

/** 2xx is passing, 429 a warning, everything else critical. Every run opens its own connection and closes it. */
export const probeHttp: Probe<HttpKind> = async (kind, limits, signal) => {
  let request: Request = { method: kind.method, url: kind.url, body: kind.body };
  for (let redirects = 0; ; redirects++) {
    const step = await exchange(kind, request, limits, signal);
    if ('result' in step) return step.result;
    if (redirects === maxRedirects) return failed(request, `stopped after ${maxRedirects} redirects`);
    request = step.next;
  }
};

interface Request {
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

type Step = { readonly result: ProbeResult } | { readonly next: Request };

async function exchange(
  kind: HttpKind,
  request: Request,
  limits: ProbeLimits,
  signal: AbortSignal,
): Promise<Step> {
  const url = parseUrl(request.url);
  if (url === undefined) return { result: critical(`parse "${request.url}": invalid URL`) };
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return { result: failed(request, `unsupported protocol scheme "${url.protocol.slice(0, -1)}"`) };
  }
  const client = openClient(kind, url);
  try {
    const response = await client.request({
      method: request.method as Dispatcher.HttpMethod,
      path: `${url.pathname}${url.search}`,
      headers: requestHeaders(kind, url),
      body: request.body === '' ? null : request.body,
      // The connection is not used again.
      reset: true,
      signal,
    });
    const next = kind.followRedirects ? redirectOf(request, response) : undefined;
    if (next !== undefined) {
      await response.body.dump({ limit: limits.outputMaxBytes, signal });
      return { next };
    }
    const body = await readBody(response.body, limits);
    const statusLine = `${response.statusCode} ${response.statusText}`.trim();
    const output = `HTTP ${kind.method} ${kind.url}: ${statusLine} Output: ${body}`;
    return { result: { status: statusOf(response.statusCode), output } };
  } catch (error) {
    if (signal.aborted) {
      const timeout = 'context deadline exceeded (Client.Timeout exceeded while awaiting headers)';
      return { result: failed(request, timeout) };
    }
    return { result: failed(request, goNetworkError(error, hostPort(url))) };
  } finally {
    // The response may be half read and the socket in any state: nothing of it is of use any more.
    client.destroy().catch(() => {});
  }
}

function openClient(kind: HttpKind, url: URL): Client {
  return new Client(url.origin, {
    headersTimeout: 0,
    bodyTimeout: 0,
    connect: {
      // The signal is the only limit.
      timeout: 0,
      rejectUnauthorized: !kind.tlsSkipVerify,
      ...(kind.tlsServerName === '' ? {} : { servername: kind.tlsServerName }),
    },
  });
}

/** What was set by hand wins; names of any case. */
function requestHeaders(kind: HttpKind, url: URL): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {
    'user-agent': 'Consul Health Check',
    accept: 'text/plain, text/*, */*',
  };
  if (url.username !== '') {
    const credentials = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    headers['authorization'] = `Basic ${Buffer.from(credentials).toString('base64')}`;
  }
  for (const [name, values] of Object.entries(kind.headers)) {
    // Go's transport sets these itself, whatever the check says.
    if (/^(connection|content-length|transfer-encoding)$/i.test(name)) continue;
    headers[name.toLowerCase()] = /^host$/i.test(name) ? (values[0] ?? '') : [...values];
  }
  return headers;
}

/** As Go does: 301, 302 and 303 turn into a GET without body, 307 and 308 repeat the request. */
function redirectOf(request: Request, response: Dispatcher.ResponseData): Request | undefined {
  const { statusCode, headers } = response;
  const location = Array.isArray(headers['location']) ? headers['location'][0] : headers['location'];
  if (location === undefined || location === '') return undefined;
  const target = parseUrl(location, request.url);
  if (target === undefined) return undefined;
  if (statusCode === 307 || statusCode === 308) return { ...request, url: target.href };
  if (statusCode !== 301 && statusCode !== 302 && statusCode !== 303) return undefined;
  return { method: request.method === 'HEAD' ? 'HEAD' : 'GET', url: target.href, body: '' };
}

/** What came before the body broke off is enough: the status line has decided already. */
async function readBody(body: AsyncIterable<Buffer>, limits: ProbeLimits): Promise<string> {
  const tail = new Tail(limits.outputMaxBytes);
  try {
    for await (const chunk of body) tail.push(chunk);
  } catch {
    return tail.text();
  }
  return tail.text();
}

function statusOf(code: number): CheckStatus {
  if (code >= 200 && code <= 299) return 'passing';
  return code === 429 ? 'warning' : 'critical';
}

/** Go's url.Error: `Get "http://x/": why`. */
function failed(request: Request, why: string): ProbeResult {
  const verb = `${request.method.slice(0, 1)}${request.method.slice(1).toLowerCase()}`;
  return critical(`${verb} "${withoutPassword(request.url)}": ${why}`);
}

function critical(output: string): ProbeResult {
  return { status: 'critical', output };
}

function withoutPassword(url: string): string {
  return url.replace(/^(\w+:\/\/[^/@:]*):[^/@]*@/, '$1:***@');
}

function parseUrl(text: string, base?: string): URL | undefined {
  try {
    return new URL(text, base);
  } catch {
    return undefined;
  }
}

function hostPort(url: URL): string {
  return `${url.hostname}:${url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : url.port}`;
}
