import type { IncomingMessage, ServerResponse } from 'node:http';
import { HttpError } from './errors.ts';

const docs = 'https://www.consul.io/docs/agent/options.html#kv_max_value_size';

function tooLarge(bytes: number, limit: number): HttpError {
  return new HttpError(413, `Request body(${bytes} bytes) too large, max size: ${limit} bytes. See ${docs}.`);
}

/**
 * Reads a request's body, whatever its encoding. A declared length above `limit` is refused before a byte is read (and
 * before a client that waits for 100 Continue sends one), an undeclared one as soon as it is exceeded.
 */
export function readBody(
  message: IncomingMessage,
  response: ServerResponse,
  limit: number,
): Promise<Uint8Array> {
  const declared = Number(message.headers['content-length'] ?? 0);
  if (declared > limit) return Promise.reject(tooLarge(declared, limit));
  if (message.headers.expect?.toLowerCase() === '100-continue') response.writeContinue();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    message.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > limit) {
        message.removeAllListeners('data');
        message.resume();
        reject(tooLarge(length, limit));
      } else chunks.push(chunk);
    });
    message.on('end', () => resolve(chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks)));
    message.on('error', reject);
    message.on('close', () => {
      if (!message.complete) reject(new HttpError(400, 'unexpected EOF'));
    });
  });
}
