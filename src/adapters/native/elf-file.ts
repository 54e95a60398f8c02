import { closeSync, fstatSync, openSync, readSync } from 'node:fs';

const MAGIC = 0x7f454c46;
/** Longer than the file header of either class. */
const HEADER_BYTES = 64;

/** Where the header of a file, or of a segment, keeps what is looked at, in bytes from its beginning. */
interface Layout {
  readonly segmentTable: number;
  readonly sectionTable: number;
  readonly segmentEntryBytes: number;
  readonly segmentOffset: number;
  readonly segmentBytes: number;
}

const layouts: Readonly<Record<number, Layout>> = {
  1: { segmentTable: 28, sectionTable: 32, segmentEntryBytes: 42, segmentOffset: 4, segmentBytes: 16 },
  2: { segmentTable: 32, sectionTable: 40, segmentEntryBytes: 54, segmentOffset: 8, segmentBytes: 32 },
};

/**
 * False for a shared library (ELF) that ends before its segments or its tables do: loading it would end the process by
 * SIGBUS. True for everything else, which the loader may judge. Throws when the file cannot be read.
 */
export function isWhole(path: string): boolean {
  const file = openSync(path, 'r');
  try {
    return endOf(file) <= fstatSync(file).size;
  } finally {
    closeSync(file);
  }
}

/** Size that the file should have at least; 0 where it is no ELF file. */
function endOf(file: number): number {
  const header = read(file, 0, HEADER_BYTES);
  if (header.readUInt32BE(0) !== MAGIC) return 0;
  const isWide = header[4] === 2;
  const isLittle = header[5] !== 2;
  const layout = layouts[header[4] ?? 0];
  if (!layout) return 0;
  const half = (bytes: Buffer, at: number) => (isLittle ? bytes.readUInt16LE(at) : bytes.readUInt16BE(at));
  const word = (bytes: Buffer, at: number) => {
    if (isWide) return Number(isLittle ? bytes.readBigUInt64LE(at) : bytes.readBigUInt64BE(at));
    return isLittle ? bytes.readUInt32LE(at) : bytes.readUInt32BE(at);
  };
  const table = (offset: number, at: number) => ({
    offset,
    entryBytes: half(header, at),
    entries: half(header, at + 2),
  });
  const segments = table(word(header, layout.segmentTable), layout.segmentEntryBytes);
  const sections = table(word(header, layout.sectionTable), layout.segmentEntryBytes + 4);
  const ends = [segments, sections].map(({ offset, entryBytes, entries }) => offset + entryBytes * entries);
  for (let index = 0; index < segments.entries; index++) {
    const segment = read(file, segments.offset + index * segments.entryBytes, HEADER_BYTES);
    ends.push(word(segment, layout.segmentOffset) + word(segment, layout.segmentBytes));
  }
  return Math.max(...ends);
}

/** What is not there is zeros. */
function read(file: number, offset: number, bytes: number): Buffer {
  const buffer = Buffer.alloc(bytes);
  readSync(file, buffer, 0, bytes, Math.min(offset, Number.MAX_SAFE_INTEGER));
  return buffer;
}
