/**
 * How one Opus packet sits in a WebSocket binary message, the same for both directions. 1, 2 and 3 are what the device
 * asks for with `Protocol-Version` (firmware C10–C16); `gateway` is the 16-byte header between an MQTT gateway and a chat
 * server that is reached with `?from=mqtt_gateway`.
 */
export type BinaryVersion = 1 | 2 | 3 | 'gateway';

export type DecodedFrame =
  | { readonly ok: true; readonly packet: Uint8Array; readonly timestampMs: number }
  | { readonly ok: false; readonly reason: string };

const headerBytes = { 2: 16, 3: 4, gateway: 16 } as const;
const opusType = 0;
const gatewayType = 1;

/**
 * Wraps one packet. Version 1 has no header and returns the packet itself; the others copy it once. `timestampMs` is
 * taken modulo 2³² and lost where the version has no field for it (1 and 3); `sequence` is written where there is one
 * (`gateway`: type 1, length, sequence, timestamp, and the length once more, the same in both directions).
 * @throws RangeError when the packet does not fit the size field (version 3 and `gateway`: 65 535 bytes).
 */
export function encodeBinaryFrame(
  version: BinaryVersion,
  packet: Uint8Array,
  timestampMs: number,
  sequence = 0,
): Uint8Array {
  switch (version) {
    case 1:
      return packet;
    case 2: {
      const frame = withHeader(headerBytes[2], packet);
      writeUint16(frame, 0, 2);
      writeUint16(frame, 2, opusType);
      writeUint32(frame, 8, timestampMs);
      writeUint32(frame, 12, packet.length);
      return frame;
    }
    case 3: {
      const frame = withHeader(headerBytes[3], packet);
      writeUint16(frame, 2, fittingUint16(packet.length));
      return frame;
    }
    case 'gateway': {
      const frame = withHeader(headerBytes.gateway, packet);
      frame[0] = gatewayType;
      writeUint16(frame, 2, fittingUint16(packet.length));
      writeUint32(frame, 4, sequence);
      writeUint32(frame, 8, timestampMs);
      writeUint32(frame, 12, packet.length);
      return frame;
    }
  }
}

/**
 * Unwraps one message. The packet is a view into `bytes`, never empty. What the firmware trusts blindly (C14) is checked:
 * the header must be there, its size must be exactly what follows, and the type must be Opus.
 */
export function decodeBinaryFrame(version: BinaryVersion, bytes: Uint8Array): DecodedFrame {
  if (version === 1) return unwrapped(bytes, 0, bytes.length, 0);
  const header = headerBytes[version];
  if (bytes.length < header) return refused(`${bytes.length} bytes are less than the ${header}-byte header`);
  switch (version) {
    case 2:
      if (readUint16(bytes, 2) !== opusType) return refused(`type ${readUint16(bytes, 2)} is not Opus`);
      return unwrapped(bytes, header, readUint32(bytes, 12), readUint32(bytes, 8));
    case 3:
      if (bytes[0] !== opusType) return refused(`type ${bytes[0]} is not Opus`);
      return unwrapped(bytes, header, readUint16(bytes, 2), 0);
    case 'gateway':
      if (bytes[0] !== 0 && bytes[0] !== gatewayType) return refused(`type ${bytes[0]} is not audio`);
      return unwrapped(bytes, header, readUint32(bytes, 12), readUint32(bytes, 8));
  }
}

function unwrapped(bytes: Uint8Array, header: number, size: number, timestampMs: number): DecodedFrame {
  const rest = bytes.length - header;
  if (size !== rest) return refused(`the header promises ${size} bytes, ${rest} follow`);
  if (size === 0) return refused('there is no payload');
  return { ok: true, packet: header === 0 ? bytes : bytes.subarray(header), timestampMs };
}

function refused(reason: string): DecodedFrame {
  return { ok: false, reason };
}

function withHeader(header: number, packet: Uint8Array): Uint8Array {
  const frame = new Uint8Array(header + packet.length);
  frame.set(packet, header);
  return frame;
}

function fittingUint16(length: number): number {
  if (length > 0xffff) throw new RangeError(`A packet of ${length} bytes does not fit a 16-bit size field`);
  return length;
}

function writeUint16(bytes: Uint8Array, at: number, value: number): void {
  bytes[at] = value >>> 8;
  bytes[at + 1] = value;
}

function writeUint32(bytes: Uint8Array, at: number, value: number): void {
  const unsigned = value >>> 0;
  writeUint16(bytes, at, unsigned >>> 16);
  writeUint16(bytes, at + 2, unsigned & 0xffff);
}

function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}

function readUint32(bytes: Uint8Array, at: number): number {
  return ((readUint16(bytes, at) << 16) | readUint16(bytes, at + 2)) >>> 0;
}
