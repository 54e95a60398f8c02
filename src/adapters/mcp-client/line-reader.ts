const newline = 0x0a;

export interface LineReaderOptions {
  /** What is longer is cut there; the rest of the line is passed over. */
  readonly maxBytes: number;
  /** Called without the line break. `isCut` comes as soon as the line is too long, not first at its end. */
  onLine(line: string, isCut: boolean): void;
}

/** Chunks of a stream to lines of UTF-8 text; never holds more than one line of the allowed length. */
export function createLineReader({ maxBytes, onLine }: LineReaderOptions): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let bytes = 0;
  let skipping = false;

  const flush = (isCut: boolean) => {
    const [first] = parts;
    const line = parts.length === 1 && first ? first : Buffer.concat(parts);
    parts = [];
    bytes = 0;
    onLine(line.toString('utf8').replace(/\r$/, ''), isCut);
  };

  const add = (piece: Buffer) => {
    if (skipping || piece.length === 0) return;
    const room = maxBytes - bytes;
    parts.push(piece.subarray(0, room));
    bytes += Math.min(room, piece.length);
    if (piece.length > room) {
      skipping = true;
      flush(true);
    }
  };

  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      add(chunk.subarray(start, end));
      if (!skipping) flush(false);
      skipping = false;
      start = end + 1;
    }
    add(chunk.subarray(start));
  };
}
