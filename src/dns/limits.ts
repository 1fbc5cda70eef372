import { recordTypes } from './wire.ts';

/** What a reply may hold, by how its question came. */
export interface ReplyLimits {
  /** More bytes than this would not reach the asker; the OPT record counts. */
  readonly maxBytes: number;
  /** Answers are left out until the reply, its OPT record included, has no more bytes than this. */
  readonly targetBytes: number;
  readonly maxAnswers: number;
  /** True: once maxAnswers has cut, the size is that without compression. */
  readonly plainSizeOnceCut: boolean;
}

const classicUdpBytes = 512;
/** The largest UDP payload less some room for headers. */
const maxUdpBytes = 65_467;
const maxTcpBytes = 65_523;
const maxClassicAnswers = 8;

/**
 * Over UDP: what the asker's OPT record allows, 512 bytes without one. At exactly 512 bytes few answers are given and
 * 8 bytes stay free, so that the reply survives resolvers that repack it.
 */
export function udpLimits(udpSize: number | undefined, udpAnswerLimit: number): ReplyLimits {
  const maxBytes = Math.min(Math.max(udpSize ?? 0, classicUdpBytes), maxUdpBytes);
  const classic = maxBytes === classicUdpBytes;
  return {
    maxBytes,
    targetBytes: udpSize === undefined ? classicUdpBytes - 8 : maxBytes,
    maxAnswers: classic ? Math.min(maxClassicAnswers, udpAnswerLimit) : Infinity,
    plainSizeOnceCut: classic,
  };
}

/** Over TCP: what fits, and never more records than could. */
export function tcpLimits(type: number): ReplyLimits {
  return {
    maxBytes: maxTcpBytes,
    targetBytes: maxTcpBytes,
    plainSizeOnceCut: false,
    maxAnswers: type === recordTypes.SRV ? 1024 : 4096,
  };
}
