/** A page as a player reads it. */
export interface ReadPage {
  readonly flags: number;
  readonly granule: number;
  readonly serial: number;
  readonly sequence: number;
  readonly packets: readonly Uint8Array[];
}

/** Reads whole pages until the bytes end or make no sense; written from RFC 3533, shares nothing with the writer. */
export function readOgg(bytes: Uint8Array): ReadPage[] {
  const pages: ReadPage[] = [];
  for (let offset = 0; offset < bytes.length; ) {
    const page = readPage(bytes, offset);
    if (!page) break;
    pages.push(page.page);
    offset = page.end;
  }
  return pages;
}

function readPage(bytes: Uint8Array, offset: number) {
  const view = new DataView(bytes.buffer, bytes.byteOffset + offset, bytes.length - offset);
  if (view.byteLength < 27 || view.getUint32(0) !== 0x4f676753 || view.getUint8(4) !== 0) return undefined;
  const segments = view.getUint8(26);
  if (view.byteLength < 27 + segments) return undefined;
  const packets: Uint8Array[] = [];
  let start = 27 + segments;
  let length = 0;
  for (let i = 0; i < segments; i++) {
    const lacing = view.getUint8(27 + i);
    length += lacing;
    if (lacing === 255) continue;
    packets.push(Uint8Array.from(bytes.subarray(offset + start, offset + start + length)));
    start += length;
    length = 0;
  }
  if (length > 0) throw new Error('A packet goes on in the next page');
  if (view.byteLength < start) return undefined;
  const whole = Uint8Array.from(bytes.subarray(offset, offset + start));
  whole.fill(0, 22, 26);
  if (checksum(whole) !== view.getUint32(22, true)) throw new Error('A page has a wrong checksum');
  const page = {
    flags: view.getUint8(5),
    granule: Number(view.getBigUint64(6, true)),
    serial: view.getUint32(14, true),
    sequence: view.getUint32(18, true),
    packets,
  };
  return { page, end: offset + start };
}

/** Bit by bit, as the polynomial is written down. */
function checksum(bytes: Uint8Array): number {
  let remainder = 0;
  for (const byte of bytes) {
    for (let bit = 7; bit >= 0; bit--) {
      const top = (remainder >>> 31) ^ ((byte >> bit) & 1);
      remainder = (remainder << 1) ^ (top ? 0x04c11db7 : 0);
    }
  }
  return remainder >>> 0;
}
