import { createCipheriv, createDecipheriv } from 'node:crypto';

export const udpHeaderBytes = 16;
/** An Ethernet frame holds less, and no 120 ms of speech is larger; a longer datagram is not looked at. */
export const maxUdpDatagramBytes = 4_096;

const packetType = 1;
const cipher = 'aes-128-ctr';

/** What a server hello hands out for the audio of one session (firmware D22). */
export interface UdpKeys {
  /** AES-128 key, 16 bytes. */
  readonly key: Uint8Array;
  /** Template of every header we send, 16 bytes (D30). */
  readonly nonce: Uint8Array;
}

/** Why a datagram was not taken. */
export type UdpRejection = 'short' | 'oversized' | 'wrong-type' | 'wrong-length';

export type OpenedUdpPacket =
  | {
      readonly ok: true;
      /** One Opus packet; empty for a datagram that only opens the way through a NAT. */
      readonly packet: Uint8Array;
      readonly timestampMs: number;
      /** 32-bit, wraps. */
      readonly sequence: number;
      /** Bytes 4–7: which session this is, as the server numbers them. */
      readonly connectionId: number;
    }
  | { readonly ok: false; readonly rejection: UdpRejection };

/**
 * Header (D30) and AES-128-CTR with the whole header as first counter block (D31). The timestamp is only written where
 * the nonce leaves room: some servers recognise a session by bytes 4–11 (servers.md 5.1).
 * @param sequence of this packet, from 1 (D33); only its lowest 32 bits are sent
 * @throws RangeError when the packet does not fit the size field or the keys are not 16 bytes long
 */
export function sealUdpPacket(
  { key, nonce }: UdpKeys,
  packet: Uint8Array,
  timestampMs: number,
  sequence: number,
): Uint8Array {
  if (nonce.length !== udpHeaderBytes) throw new RangeError('A nonce has 16 bytes');
  if (packet.length > maxUdpDatagramBytes - udpHeaderBytes)
    throw new RangeError(`A packet of ${packet.length} bytes does not fit a datagram`);
  const datagram = Buffer.allocUnsafe(udpHeaderBytes + packet.length);
  datagram.set(nonce, 0);
  datagram.writeUInt16BE(packet.length, 2);
  if (datagram.readUInt32BE(8) === 0) datagram.writeUInt32BE(timestampMs >>> 0, 8);
  datagram.writeUInt32BE(sequence >>> 0, 12);
  if (packet.length === 0) return datagram;
  datagram.set(
    createCipheriv(cipher, key, datagram.subarray(0, udpHeaderBytes)).update(packet),
    udpHeaderBytes,
  );
  return datagram;
}

/** Checks bounds, then the header, and only then deciphers (D34). A wrong key cannot be noticed: there is no tag. */
export function openUdpPacket(key: Uint8Array, datagram: Uint8Array): OpenedUdpPacket {
  const rejection = rejectionOf(datagram);
  if (rejection) return { ok: false, rejection };
  const header = datagram.subarray(0, udpHeaderBytes);
  const sealed = datagram.subarray(udpHeaderBytes);
  return {
    ok: true,
    packet: sealed.length === 0 ? sealed : createDecipheriv(cipher, key, header).update(sealed),
    timestampMs: readUint32(header, 8),
    sequence: readUint32(header, 12),
    connectionId: readUint32(header, 4),
  };
}

/** The session that a datagram claims to belong to, undefined when it is too short to say. */
export function connectionIdOf(datagram: Uint8Array): number | undefined {
  return datagram.length < udpHeaderBytes ? undefined : readUint32(datagram, 4);
}

function rejectionOf(datagram: Uint8Array): UdpRejection | undefined {
  if (datagram.length < udpHeaderBytes) return 'short';
  if (datagram.length > maxUdpDatagramBytes) return 'oversized';
  if (datagram[0] !== packetType) return 'wrong-type';
  const stated = ((datagram[2] as number) << 8) | (datagram[3] as number);
  return stated === datagram.length - udpHeaderBytes ? undefined : 'wrong-length';
}

function readUint32(bytes: Uint8Array, at: number): number {
  const [a, b, c, d] = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]] as [
    number,
    number,
    number,
    number,
  ];
  return ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
}
