/** What the framing of an Opus packet says, without decoding it. */
export interface OpusPacketInfo {
  readonly ok: true;
  readonly frames: number;
  readonly frameDurationUs: number;
  readonly durationMs: number;
  readonly stereo: boolean;
}

/** `reason` names the rule of RFC 6716 section 3.4 that is broken. */
export interface OpusPacketFault {
  readonly ok: false;
  readonly reason: string;
}

const MAX_FRAME_BYTES = 1275;
const MAX_PACKET_US = 120_000;
const SILK_US = [10_000, 20_000, 40_000, 60_000] as const;
const HYBRID_US = [10_000, 20_000] as const;
const CELT_US = [2_500, 5_000, 10_000, 20_000] as const;

/**
 * Reads the framing of an Opus packet (RFC 6716 section 3) and refuses whatever its rules R1 to R7 forbid. Never throws,
 * and looks at no byte beyond the end.
 */
export function parseOpusPacket(bytes: Uint8Array): OpusPacketInfo | OpusPacketFault {
  const toc = bytes[0];
  if (toc === undefined) return fault('R1: the packet is empty');
  const frameDurationUs = frameDurationOf(toc >> 3);
  const stereo = (toc & 4) !== 0;
  const framing = readFraming(bytes, toc & 3, frameDurationUs);
  if (typeof framing === 'string') return fault(framing);
  const durationMs = (framing * frameDurationUs) / 1000;
  return { ok: true, frames: framing, frameDurationUs, durationMs, stereo };
}

function fault(reason: string): OpusPacketFault {
  return { ok: false, reason };
}

/** Table 2: configuration numbers 0–11 are SILK, 12–15 hybrid, 16–31 CELT. */
function frameDurationOf(config: number): number {
  if (config < 12) return SILK_US[config % 4] as number;
  if (config < 16) return HYBRID_US[config % 2] as number;
  return CELT_US[config % 4] as number;
}

/** The number of frames, or the reason why there are none. */
function readFraming(bytes: Uint8Array, code: number, frameDurationUs: number): number | string {
  const body = bytes.length - 1;
  switch (code) {
    case 0:
      return body > MAX_FRAME_BYTES ? 'R2: a frame exceeds 1275 bytes' : 1;
    case 1:
      return readTwoEqualFrames(body);
    case 2:
      return readVariableFrames(bytes, 1, bytes.length, 2);
    default:
      return readManyFrames(bytes, frameDurationUs);
  }
}

function readTwoEqualFrames(body: number): number | string {
  if (body % 2 !== 0) return 'R3: two equal frames need an even number of bytes';
  return body / 2 > MAX_FRAME_BYTES ? 'R2: a frame exceeds 1275 bytes' : 2;
}

/** Code 3: a frame count byte, optional padding, then frames of equal or of stated sizes. */
function readManyFrames(bytes: Uint8Array, frameDurationUs: number): number | string {
  const countByte = bytes[1];
  if (countByte === undefined) return 'R6: the frame count byte is missing';
  const frames = countByte & 0x3f;
  if (frames === 0) return 'R5: the packet holds no frame';
  if (frames * frameDurationUs > MAX_PACKET_US) return 'R5: the packet lasts longer than 120 ms';
  const padding = (countByte & 0x40) === 0 ? { next: 2, bytes: 0 } : readPadding(bytes);
  if (!padding || padding.next + padding.bytes > bytes.length) return 'R6: the padding exceeds the packet';
  const end = bytes.length - padding.bytes;
  if ((countByte & 0x80) !== 0) return readVariableFrames(bytes, padding.next, end, frames);
  const body = end - padding.next;
  if (body % frames !== 0) return 'R6: equal frames do not fill the packet';
  return body / frames > MAX_FRAME_BYTES ? 'R2: a frame exceeds 1275 bytes' : frames;
}

/** A chain of length bytes; 255 means 254 bytes of padding and another length byte. */
function readPadding(bytes: Uint8Array): { next: number; bytes: number } | undefined {
  let padding = 0;
  for (let next = 2; ; next++) {
    const length = bytes[next];
    if (length === undefined) return undefined;
    padding += Math.min(length, 254);
    if (length < 255) return { next: next + 1, bytes: padding };
  }
}

/** All frames but the last have a length of one or two bytes in front; the last takes what is left. */
function readVariableFrames(bytes: Uint8Array, from: number, end: number, frames: number): number | string {
  let next = from;
  let stated = 0;
  for (let i = 0; i < frames - 1; i++) {
    const first = next < end ? (bytes[next] as number) : 0;
    const size = first < 252 ? 1 : 2;
    if (next + size > end) return 'R4, R7: a frame length is cut off';
    stated += size === 1 ? first : (bytes[next + 1] as number) * 4 + first;
    next += size;
  }
  const last = end - next - stated;
  if (last < 0) return 'R4, R7: the frame lengths exceed the packet';
  return last > MAX_FRAME_BYTES ? 'R2: a frame exceeds 1275 bytes' : frames;
}
