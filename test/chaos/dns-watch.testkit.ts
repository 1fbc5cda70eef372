import { createSocket, type Socket } from 'node:dgram';
import packet from 'dns-packet';
import { sleep } from '../../src/lib/abort.ts';

export interface DnsSilence {
  readonly name: string;
  /** performance.now() of the question. */
  readonly askedAt: number;
  /** `nothing` within the time, or the answer that has no records. */
  readonly answer: string;
}

/**
 * Asks one agent for a service without pause and notes each question that was not answered with at least one record while
 * `isLive` said that the agent was up, from a little before the question to the end of its time.
 */
export class DnsWatch {
  readonly silences: DnsSilence[] = [];
  asked = 0;
  readonly #at: { readonly name: string; readonly host: string; readonly port: number };
  readonly #isLive: () => boolean;
  readonly #timeoutMs: number;
  /** performance.now() until which the agent was last seen stopped. */
  #downAt = 0;

  constructor(
    at: { readonly name: string; readonly host: string; readonly port: number },
    isLive: () => boolean,
    timeoutMs = 2000,
  ) {
    this.#at = at;
    this.#isLive = isLive;
    this.#timeoutMs = timeoutMs;
  }

  async run(service: string, signal: AbortSignal): Promise<void> {
    const socket = createSocket('udp4');
    // Refused while the agent is down: that is what isLive says too.
    socket.on('error', () => {});
    const ticking = setInterval(() => this.#look(), 20);
    try {
      while (!signal.aborted) {
        this.#look();
        const askedAt = performance.now();
        const answer = await this.#ask(socket, `${service}.service.consul`);
        this.#look();
        if (answer !== 'records' && this.#downAt < askedAt - 200 && !signal.aborted)
          this.silences.push({ name: this.#at.name, askedAt, answer });
        this.asked++;
        await sleep(50, signal);
      }
    } finally {
      clearInterval(ticking);
      socket.close();
    }
  }

  #look(): void {
    if (!this.#isLive()) this.#downAt = performance.now();
  }

  #ask(socket: Socket, name: string): Promise<string> {
    const id = (this.asked % 65_535) + 1;
    const query = packet.encode({ type: 'query', id, questions: [{ type: 'A', name }] });
    return new Promise((resolve) => {
      const end = (answer: string): void => {
        clearTimeout(timer);
        socket.off('message', onMessage);
        resolve(answer);
      };
      const timer = setTimeout(() => end('nothing'), this.#timeoutMs);
      const onMessage = (bytes: Buffer): void => {
        if (bytes.readUInt16BE(0) !== id) return;
        const { answers = [] } = packet.decode(bytes);
        end(answers.length > 0 ? 'records' : `no record (code ${bytes.readUInt8(3) & 0x0f})`);
      };
      socket.on('message', onMessage);
      socket.send(query, this.#at.port, this.#at.host, (error) => {
        if (error !== null) end(`not sent: ${error.message}`);
      });
    });
  }
}
