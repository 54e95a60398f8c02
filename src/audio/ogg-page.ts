/** A page of an Ogg file (RFC 3533) that holds whole packets. */
export interface OggPage {
  readonly position: 'first' | 'middle' | 'last';
  /** End of the last packet, in the samples of the codec (Opus: at 48 kHz). */
  readonly granule: number;
  readonly serial: number;
  /** Counts from 0. */
  readonly sequence: number;
  /** Lacing takes a byte for each started 255 bytes of a packet and at most 255 in all. */
  readonly packets: readonly Uint8Array[];
}

export const MAX_PAGE_SEGMENTS = 255;
const HEADER_BYTES = 27;
const CRC_OFFSET = 22;
const POSITION_FLAGS = { first: 2, middle: 0, last: 4 } as const;

/** Entries a packet takes in the segment table of its page. */
export const segmentsOf = (packet: Uint8Array): number => Math.floor(packet.length / 255) + 1;

/** @throws RangeError when the packets do not fit into one page */
export function oggPage({ position, granule, serial, sequence, packets }: OggPage): Uint8Array {
  const lacing = packets.flatMap(({ length }) => [
    ...new Array<number>(Math.floor(length / 255)).fill(255),
    length % 255,
  ]);
  if (lacing.length > MAX_PAGE_SEGMENTS) throw new RangeError(`${lacing.length} segments are no Ogg page`);
  const bodyBytes = packets.reduce((sum, { length }) => sum + length, 0);
  const page = new Uint8Array(HEADER_BYTES + lacing.length + bodyBytes);
  const view = new DataView(page.buffer);
  page.set([0x4f, 0x67, 0x67, 0x53]);
  page[5] = POSITION_FLAGS[position];
  view.setBigUint64(6, BigInt(granule), true);
  view.setUint32(14, serial, true);
  view.setUint32(18, sequence, true);
  page[26] = lacing.length;
  page.set(lacing, HEADER_BYTES);
  let offset = HEADER_BYTES + lacing.length;
  for (const packet of packets) {
    page.set(packet, offset);
    offset += packet.length;
  }
  view.setUint32(CRC_OFFSET, oggChecksum(page), true);
  return page;
}

const POLYNOMIAL = 0x04c11db7;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let remainder = byte << 24;
  for (let bit = 0; bit < 8; bit++) remainder = (remainder << 1) ^ (remainder < 0 ? POLYNOMIAL : 0);
  return remainder;
});

/** CRC-32 as Ogg has it: most significant bit first, nothing inverted. The field in the page counts as zero. */
export function oggChecksum(page: Uint8Array): number {
  let checksum = 0;
  for (const byte of page) checksum = (checksum << 8) ^ (table[(checksum >>> 24) ^ byte] as number);
  return checksum >>> 0;
}
