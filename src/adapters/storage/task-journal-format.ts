import { createHash } from 'node:crypto';
import { parseExact, stringifyExact } from '../../core/exact-json.ts';

const newline = 0x0a;
const checksumCharacters = 16;
const linePattern = /^(\d{1,9}) ([0-9a-f]{16}) /;

export interface ParsedJournal {
  readonly entries: readonly unknown[];
  /** Lines that are not what was written, without their line end. */
  readonly damaged: readonly Buffer[];
  /** The end of a last line without line end: a write that never finished, so nothing had been promised on it. */
  readonly torn: Buffer | undefined;
}

/**
 * One entry as one line: length of the JSON in bytes, the start of its SHA-256, the JSON. JSON holds no raw line end, so
 * after damage the next line end is where reading goes on. (Node 20.0 has no CRC built in; entries are few.)
 */
export function encodeEntry(entry: unknown): Buffer {
  const json = Buffer.from(stringifyExact(entry) ?? '');
  return Buffer.concat([Buffer.from(`${json.length} ${checksumOf(json)} `), json, Buffer.from('\n')]);
}

/** Reads as much as is whole; never throws. Empty lines are allowed: they close a line that was torn. */
export function parseJournal(bytes: Buffer): ParsedJournal {
  const entries: unknown[] = [];
  const damaged: Buffer[] = [];
  let start = 0;
  for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
    const line = bytes.subarray(start, end);
    start = end + 1;
    if (line.length === 0) continue;
    const entry = decodeLine(line);
    if (entry) entries.push(entry.value);
    else damaged.push(line);
  }
  const rest = bytes.subarray(start);
  const last = decodeLine(rest);
  if (last) entries.push(last.value);
  return { entries, damaged, torn: last || rest.length === 0 ? undefined : rest };
}

function decodeLine(line: Buffer): { readonly value: unknown } | undefined {
  const header = linePattern.exec(line.toString('latin1', 0, 32));
  if (!header) return undefined;
  const json = line.subarray(header[0].length);
  if (json.length !== Number(header[1]) || checksumOf(json) !== header[2]) return undefined;
  try {
    return { value: parseExact(json.toString('utf8')) };
  } catch {
    return undefined;
  }
}

function checksumOf(json: Buffer): string {
  return createHash('sha256').update(json).digest('hex').slice(0, checksumCharacters);
}
