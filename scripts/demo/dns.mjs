/** One question to Portolan's DNS, as `dig +edns` asks it. */
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { decode, encode } from 'dns-packet';

/** The ports of a name's SRV answers, sorted. */
export async function askService(name, port) {
  const socket = createSocket('udp4');
  try {
    // Who takes no large answer is given three of many, as Consul does.
    const large = { type: 'OPT', name: '.', udpPayloadSize: 4096 };
    const question = { type: 'query', id: 1, questions: [{ type: 'SRV', name }], additionals: [large] };
    socket.send(encode(question), port, '127.0.0.1');
    const [reply] = await once(socket, 'message', { signal: AbortSignal.timeout(2000) });
    const answers = decode(reply).answers.filter(({ type }) => type === 'SRV');
    return answers.map(({ data }) => data.port).sort((a, b) => a - b);
  } finally {
    socket.close();
  }
}
