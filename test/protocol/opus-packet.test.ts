import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { opusCandidates } from '../../src/app-codec.ts';
import { parseOpusPacket } from '../../src/protocol/opus-packet.ts';

/** The last needs no compiler and is always there; nothing of ours stands before it. */
const libopus = await (opusCandidates.at(-1) as (typeof opusCandidates)[number]).load();

const bytes = (...values: number[]) => Uint8Array.from(values);
/** TOC byte of a configuration number (table 2 of RFC 6716), mono or stereo, and a frame count code. */
const toc = (config: number, code: number, stereo = 0) => (config << 3) | (stereo << 2) | code;
const filled = (head: readonly number[], length: number) =>
  Uint8Array.from([...head, ...new Array(length).fill(7)]);
const faultOf = (packet: Uint8Array) => {
  const result = parseOpusPacket(packet);
  return result.ok ? 'accepted' : result.reason;
};

test('the usual packet of a server: one SILK frame of 60 ms', () => {
  expect(parseOpusPacket(filled([toc(11, 0)], 120))).toEqual({
    ok: true,
    frames: 1,
    frameDurationUs: 60_000,
    durationMs: 60,
    stereo: false,
  });
});

test('every configuration has the frame duration of table 2', () => {
  const durations = Array.from({ length: 32 }, (_, config) => {
    const info = parseOpusPacket(bytes(toc(config, 0)));
    return info.ok ? info.durationMs : undefined;
  });
  const silk = [10, 20, 40, 60];
  const celt = [2.5, 5, 10, 20];
  expect(durations).toEqual([...silk, ...silk, ...silk, 10, 20, 10, 20, ...celt, ...celt, ...celt, ...celt]);
});

test('a DTX packet is a TOC byte alone; the stereo bit is read', () => {
  expect(parseOpusPacket(bytes(toc(9, 0, 1)))).toMatchObject({ ok: true, stereo: true, durationMs: 20 });
});

test.each([
  ['two equal frames', filled([toc(9, 1)], 20), 2, 40],
  ['two frames of two sizes', filled([toc(9, 2), 5], 12), 2, 40],
  ['two frames, the first longer than 251 bytes', filled([toc(9, 2), 252, 1], 300), 2, 40],
  ['three equal frames', filled([toc(9, 3), 3], 9), 3, 60],
  ['three frames of three sizes', filled([toc(9, 3), 0x83, 1, 2], 10), 3, 60],
  ['three frames before padding', filled([toc(9, 3), 0x43, 2], 9 + 2), 3, 60],
  ['a packet that is padding but for its frames', filled([toc(9, 3), 0x41, 255, 10], 254 + 10), 1, 20],
  ['120 ms in frames of 2.5 ms', bytes(toc(16, 3), 48), 48, 120],
])('%s are accepted', (_, packet, frames, durationMs) => {
  expect(parseOpusPacket(packet)).toMatchObject({ ok: true, frames, durationMs });
});

test.each([
  ['R1', bytes()],
  ['R2', filled([toc(9, 0)], 1276)],
  ['R2', filled([toc(9, 1)], 2552)],
  ['R2', filled([toc(9, 2), 0], 1276)],
  ['R2', filled([toc(9, 3), 1], 1276)],
  ['R3', filled([toc(9, 1)], 21)],
  ['R4', bytes(toc(9, 2))],
  ['R4', bytes(toc(9, 2), 252)],
  ['R4', filled([toc(9, 2), 13], 12)],
  ['R5', bytes(toc(9, 3), 0)],
  ['R5', filled([toc(11, 3), 3], 9)],
  ['R6', bytes(toc(9, 3))],
  ['R6', filled([toc(9, 3), 3], 10)],
  ['R6', filled([toc(9, 3), 0x43, 200], 9)],
  ['R6', bytes(toc(9, 3), 0x43, 255)],
  ['R4, R7', filled([toc(9, 3), 0x83, 6, 6], 10)],
  ['R4, R7', filled([toc(9, 3), 0xc2, 5, 5], 4 + 5)],
  ['R4, R7', filled([toc(9, 2), 252, 10], 252)],
])('what breaks rule %s is refused, and the reason says so', (rule, packet) => {
  expect(faultOf(packet)).toMatch(new RegExp(`^${rule}`));
});

describe('libopus agrees', () => {
  const decoder = libopus.createDecoder(48_000);
  const accepts = (packet: Uint8Array): number | false => {
    try {
      return decoder.decode(packet).length;
    } catch {
      return false;
    }
  };
  const anyPacket = fc.oneof(
    fc.uint8Array({ minLength: 1, maxLength: 60 }),
    fc.uint8Array({ minLength: 1, maxLength: 3_000 }),
    // Packets whose lengths nearly fit, which blind chance does not find.
    fc
      .tuple(
        fc.integer({ min: 0, max: 31 }),
        fc.integer({ min: 0, max: 255 }),
        fc.array(fc.nat(260), { maxLength: 8 }),
      )
      .map(([config, count, tail]) =>
        bytes(toc(config, 3), count, ...tail.map((value) => Math.min(255, value))),
      ),
    fc
      .tuple(fc.constantFrom(0x80, 0xc0), fc.integer({ min: 1, max: 4 }), fc.nat(12), fc.nat(12), fc.nat(30))
      .map(([flags, frames, first, second, rest]) =>
        filled([toc(17, 3), flags | frames, first, second], 4 + rest),
      ),
    fc
      .tuple(fc.integer({ min: 250, max: 255 }), fc.nat(3), fc.integer({ min: 230, max: 300 }))
      .map(([first, second, rest]) => filled([toc(9, 2), first, second], 3 + rest)),
    fc
      .tuple(fc.integer({ min: 0, max: 31 }), fc.nat(30), fc.nat(30))
      .map(([config, first, rest]) => filled([toc(config, 2), first], rest)),
  );

  test('on every packet, and on its duration', () => {
    fc.assert(
      fc.property(anyPacket, (packet) => {
        const info = parseOpusPacket(packet);
        expect(info.ok && info.durationMs * 48).toBe(accepts(packet));
      }),
      { numRuns: 3_000 },
    );
  });
});
