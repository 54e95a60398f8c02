import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type BinaryVersion, decodeBinaryFrame, encodeBinaryFrame } from '../../src/protocol/binary-frame.ts';

const packet = bytes('f8fffe');
const versions: readonly BinaryVersion[] = [1, 2, 3, 'gateway'];
const anyVersion = fc.constantFrom(...versions);

describe('binary frames', () => {
  it('are on the wire as firmware C13 and the gateway have them', () => {
    expect(hex(encodeBinaryFrame(1, packet, 100))).toBe('f8fffe');
    expect(hex(encodeBinaryFrame(2, packet, 100))).toBe('00020000000000000000006400000003f8fffe');
    expect(hex(encodeBinaryFrame(3, packet, 100))).toBe('00000003f8fffe');
    expect(hex(encodeBinaryFrame('gateway', packet, 1000, 7))).toBe('0100000300000007000003e800000003f8fffe');
  });

  it('give back the packet and, where there is a field for it, the timestamp', () => {
    expect(decodeBinaryFrame(2, bytes('00020000000000000000006400000003f8fffe'))).toEqual({
      ok: true,
      packet,
      timestampMs: 100,
    });
    expect(decodeBinaryFrame('gateway', bytes('0100000300000007fffffc1800000003f8fffe'))).toEqual({
      ok: true,
      packet,
      timestampMs: 0xfffffc18,
    });
    expect(decodeBinaryFrame(3, bytes('00000003f8fffe'))).toEqual({ ok: true, packet, timestampMs: 0 });
    expect(decodeBinaryFrame(1, packet)).toEqual({ ok: true, packet, timestampMs: 0 });
  });

  it('of version 1 are the packet itself, not a copy', () => {
    expect(encodeBinaryFrame(1, packet, 5)).toBe(packet);
  });

  it('are refused with the reason when the header is cut, lies, or announces something else than Opus', () => {
    const reasons = (
      [
        [1, ''],
        [2, '0002000000000000000000640000'],
        [2, '00020000000000000000006400000004f8fffe'],
        [2, '00020001000000000000006400000003f8fffe'],
        [2, '00020000000000000000006400000000'],
        [3, '000000'],
        [3, '00000002f8fffe'],
        [3, '01000003f8fffe'],
        ['gateway', '0200000000000000000003e800000003f8fffe'],
        ['gateway', '0000000000000000000003e8fffffffff8fffe'],
      ] as const
    ).map(([version, frame]) => decodeBinaryFrame(version, bytes(frame)));
    expect(reasons).toEqual(
      [
        'there is no payload',
        '14 bytes are less than the 16-byte header',
        'the header promises 4 bytes, 3 follow',
        'type 1 is not Opus',
        'there is no payload',
        '3 bytes are less than the 4-byte header',
        'the header promises 2 bytes, 3 follow',
        'type 1 is not Opus',
        'type 2 is not audio',
        'the header promises 4294967295 bytes, 3 follow',
      ].map((reason) => ({ ok: false, reason })),
    );
  });

  it('do not wrap what the size field cannot hold', () => {
    expect(() => encodeBinaryFrame(3, new Uint8Array(65_536), 0)).toThrow(RangeError);
    expect(() => encodeBinaryFrame('gateway', new Uint8Array(65_536), 0, 0)).toThrow(RangeError);
  });

  it('come back as they went, whatever the packet and the time', () => {
    fc.assert(
      fc.property(
        anyVersion,
        fc.uint8Array({ minLength: 1, maxLength: 4000 }),
        fc.nat(2 ** 33),
        (version, sent, timestampMs) => {
          const kept = version === 2 || version === 'gateway' ? timestampMs % 2 ** 32 : 0;
          expect(decodeBinaryFrame(version, encodeBinaryFrame(version, sent, timestampMs))).toEqual({
            ok: true,
            packet: sent,
            timestampMs: kept,
          });
        },
      ),
    );
  });

  it('made of arbitrary bytes never throw, and what is accepted lies within them', () => {
    fc.assert(
      fc.property(anyVersion, fc.uint8Array({ maxLength: 64 }), (version, garbage) => {
        const decoded = decodeBinaryFrame(version, garbage);
        if (!decoded.ok) return;
        expect(decoded.packet.buffer).toBe(garbage.buffer);
        expect(decoded.packet.length).toBeGreaterThan(0);
      }),
    );
  });

  it('that were cut anywhere are refused, except in version 1 which cannot know', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<BinaryVersion>(2, 3, 'gateway'),
        fc.uint8Array({ minLength: 1, maxLength: 200 }),
        fc.nat(),
        (version, sent, at) => {
          const frame = encodeBinaryFrame(version, sent, 0);
          expect(decodeBinaryFrame(version, frame.subarray(0, at % frame.length)).ok).toBe(false);
        },
      ),
    );
  });
});

function bytes(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'));
}

function hex(frame: Uint8Array): string {
  return Buffer.from(frame).toString('hex');
}
