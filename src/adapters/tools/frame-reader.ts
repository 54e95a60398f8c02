import type { Framing } from '../../ports/tool-definition.ts';

/** The peer's frame is larger than allowed, or its length is. */
export class FrameTooLargeError extends Error {}

/** Takes bytes in chunks of any size and gives whole frames. */
export interface FrameReader {
  /** @throws FrameTooLargeError */
  push(chunk: Buffer): readonly Buffer[];
  /** What has come of a frame that is not complete. */
  rest(): Buffer;
}

const newline = 0x0a;
const lengthBytes = 4;

export function encodeFrame(text: string, framing: Framing): Buffer {
  if (framing === 'newline') return Buffer.from(`${text}\n`);
  const body = Buffer.from(text);
  const frame = Buffer.allocUnsafe(lengthBytes + body.length);
  frame.writeUInt32BE(body.length);
  body.copy(frame, lengthBytes);
  return frame;
}

/** Frames of at most `maxBytes`; empty lines are skipped. */
export function createFrameReader(framing: Framing, maxBytes: number): FrameReader {
  return framing === 'newline' ? lineReader(maxBytes) : lengthReader(maxBytes);
}

function lineReader(maxBytes: number): FrameReader {
  // Kept apart until the line is complete, so that a long line costs linear time.
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  const keep = (part: Buffer) => {
    pendingBytes += part.length;
    if (pendingBytes > maxBytes) throw new FrameTooLargeError();
    pending.push(part);
  };
  const take = () => {
    const line = Buffer.concat(pending);
    pending = [];
    pendingBytes = 0;
    return line;
  };
  return {
    push(chunk) {
      const frames: Buffer[] = [];
      let from = 0;
      for (let at = chunk.indexOf(newline); at >= 0; at = chunk.indexOf(newline, from)) {
        keep(chunk.subarray(from, at));
        const line = take();
        if (line.length > 0) frames.push(line);
        from = at + 1;
      }
      keep(chunk.subarray(from));
      return frames;
    },
    rest: () => Buffer.concat(pending),
  };
}

function lengthReader(maxBytes: number): FrameReader {
  const head = Buffer.alloc(lengthBytes);
  let headFilled = 0;
  let body: Buffer | undefined;
  let bodyFilled = 0;
  const copy = (chunk: Buffer, from: number, target: Buffer, filled: number) =>
    chunk.copy(target, filled, from, from + target.length - filled);
  return {
    push(chunk) {
      const frames: Buffer[] = [];
      let at = 0;
      while (at < chunk.length) {
        if (body === undefined) {
          const copied = copy(chunk, at, head, headFilled);
          at += copied;
          headFilled += copied;
          if (headFilled < lengthBytes) break;
          const length = head.readUInt32BE();
          if (length > maxBytes) throw new FrameTooLargeError();
          body = Buffer.allocUnsafe(length);
          bodyFilled = 0;
        }
        const copied = copy(chunk, at, body, bodyFilled);
        at += copied;
        bodyFilled += copied;
        if (bodyFilled === body.length) {
          frames.push(body);
          body = undefined;
          headFilled = 0;
        }
      }
      return frames;
    },
    rest: () =>
      Buffer.concat([head.subarray(0, headFilled), body?.subarray(0, bodyFilled) ?? Buffer.alloc(0)]),
  };
}
