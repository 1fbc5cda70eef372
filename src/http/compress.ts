import { gzip } from 'node:zlib';

/** Smaller bodies are sent as they are: compressing them saves nothing. */
export const gzipMinBytes = 1400;

/** Whether an Accept-Encoding header takes gzip (`gzip;q=0` does not). */
export function acceptsGzip(header: string): boolean {
  if (!header.includes('gzip')) return false;
  for (const part of header.split(',')) {
    const [coding = '', ...parameters] = part.split(';').map((text) => text.trim().toLowerCase());
    if (coding !== 'gzip') continue;
    const q = parameters.find((parameter) => parameter.startsWith('q='));
    return q === undefined || Number(q.slice(2)) > 0;
  }
  return false;
}

/** Compresses off the event loop. */
export function compress(bytes: Buffer): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    gzip(bytes, (error, zipped) => (error === null ? resolve(zipped) : reject(error)));
  });
}
