import { createCipheriv, createDecipheriv } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { maxUdpDatagramBytes, openUdpPacket, sealUdpPacket } from '../../src/protocol/udp-packet.ts';

const hex = (text: string) => Uint8Array.from(Buffer.from(text, 'hex'));
const toHex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');
const key = hex('000102030405060708090a0b0c0d0e0f');
const nonce = hex('01000000112233440000000000000000');
const keys = { key, nonce };
const gatewayKey = hex('eccf2ee6f9c2bd9c41bd8aebacadb04f');
const gatewayNonce = hex('0100000000feee580000000000000000');

describe('a sealed packet', () => {
  it('is byte for byte what the firmware sends (D32)', () => {
    expect(toHex(sealUdpPacket(keys, hex('f8fffe'), 100, 1))).toBe('01000003112233440000006400000001a2a8a0');
    const twenty = Uint8Array.from({ length: 20 }, (_, i) => i);
    expect(toHex(sealUdpPacket(keys, twenty, 0, 2))).toBe(
      '01000014112233440000000000000002b1a680d1a431aa3e401ba316ab542b603d4ad038',
    );
  });

  it('is byte for byte what a gateway was seen to take and to send', () => {
    expect(
      toHex(sealUdpPacket({ key: gatewayKey, nonce: gatewayNonce }, hex('f8fffe0a0b0c0d'), 1000, 2)),
    ).toBe('0100000700feee58000003e8000000025031b4f2385595');
    expect(openUdpPacket(gatewayKey, hex('0100000800feee581122334400000002bd3e749ed51ca37b'))).toEqual({
      ok: true,
      packet: Buffer.from('0102030405060708', 'hex'),
      timestampMs: 0x11223344,
      sequence: 2,
      connectionId: 0x00feee58,
    });
  });

  it('leaves a nonce alone that has no room for a timestamp', () => {
    const full = hex('0100000011223344aabbccdd00000000');
    expect(toHex(sealUdpPacket({ key, nonce: full }, new Uint8Array(0), 100, 1))).toBe(
      '0100000011223344aabbccdd00000001',
    );
  });

  it('may be empty: a bare header opens the way through a NAT', () => {
    expect(openUdpPacket(key, sealUdpPacket(keys, new Uint8Array(0), 0, 1))).toMatchObject({
      ok: true,
      packet: Buffer.alloc(0),
    });
  });

  it('is refused when it is too long or the nonce is not one', () => {
    expect(() => sealUdpPacket(keys, new Uint8Array(70_000), 0, 1)).toThrow(RangeError);
    expect(() => sealUdpPacket({ key, nonce: hex('0100') }, new Uint8Array(1), 0, 1)).toThrow(RangeError);
  });

  it('comes back whole, whatever is in it', () => {
    const uint32 = fc.integer({ min: 0, max: 0xffffffff });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1_500 }), uint32, uint32, (packet, timestampMs, sequence) => {
        expect(openUdpPacket(key, sealUdpPacket(keys, packet, timestampMs, sequence))).toEqual({
          ok: true,
          packet: Buffer.from(packet),
          timestampMs,
          sequence,
          connectionId: 0x11223344,
        });
      }),
    );
  });
});

describe('a datagram', () => {
  it.each([
    ['short', new Uint8Array(15)],
    ['oversized', new Uint8Array(maxUdpDatagramBytes + 1)],
    ['wrong-type', hex('02000003112233440000006400000001a2a8a0')],
    ['wrong-length', hex('01000003112233440000006400000001a2a8')],
    ['wrong-length', hex('01000002112233440000006400000001a2a8a0')],
  ])('is rejected as %s', (rejection, datagram) => {
    expect(openUdpPacket(key, datagram)).toEqual({ ok: false, rejection });
  });

  it('never throws, and is only taken when its length is the stated one', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (datagram) => {
        const opened = openUdpPacket(key, datagram);
        if (opened.ok) expect(opened.packet.length).toBe(((datagram[2] ?? 0) << 8) | (datagram[3] ?? 0));
      }),
    );
  });
});

it('sealing and opening cost at most three times the bare cipher calls', () => {
  const packet = new Uint8Array(180).fill(7);
  const bare = (count: number) => {
    for (let i = 0; i < count; i++) {
      const sealed = createCipheriv('aes-128-ctr', key, nonce).update(packet);
      createDecipheriv('aes-128-ctr', key, nonce).update(sealed);
    }
  };
  const ours = (count: number) => {
    for (let i = 0; i < count; i++) openUdpPacket(key, sealUdpPacket(keys, packet, i, i));
  };
  const fastest = (work: (count: number) => void) =>
    Math.min(
      ...Array.from({ length: 9 }, () => {
        const startMs = performance.now();
        work(400);
        return performance.now() - startMs;
      }),
    );
  bare(1_000);
  ours(1_000);
  expect(fastest(ours) / fastest(bare)).toBeLessThan(3);
});
