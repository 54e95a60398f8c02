import { readFile, stat } from 'node:fs/promises';
import { ClientError, ErrorCode } from '../../core/errors.ts';

// A parser of our own, because what is needed is small (PCM to mono, defects of real files, bounds, plain words for every
// fault) and the packages for it either keep everything in doubles or trust the sizes in the file.

/** Mono 16-bit PCM. */
export interface WavAudio {
  readonly sampleRateHz: number;
  readonly pcm: Int16Array;
}

const MAX_FILE_BYTES = 256 * 1024 * 1024;
const MAX_SECONDS = 3600;
const MAX_CHANNELS = 32;
const MIN_RATE_HZ = 1_000;
const MAX_RATE_HZ = 384_000;
const FormatTag = { pcm: 1, float: 3, extensible: 0xfffe } as const;

/** What begins a file; the last two are for more than 4 GB, and programs write them for less. */
const kinds = new Set(['RIFF', 'RF64', 'BW64']);

/** Reads one sample, scaled so that full scale is 32 768. */
type SampleReader = (view: DataView, offset: number) => number;

interface WavFormat {
  readonly sampleRateHz: number;
  readonly channels: number;
  readonly bytesPerSample: number;
  readonly read: SampleReader;
}

/** @throws ClientError AUDIO_FILE_INVALID: no such file, not a WAV, compressed, empty, too long. */
export async function readWavFile(path: string): Promise<WavAudio> {
  const info = await stat(path).catch((error: NodeJS.ErrnoException) => {
    const missing = error.code === 'ENOENT';
    throw invalid(
      path,
      missing ? 'does not exist; check the path' : `cannot be opened (${error.code})`,
      error,
    );
  });
  if (!info.isFile()) throw invalid(path, 'is not a file; give the path of a WAV file');
  if (info.size > MAX_FILE_BYTES) throw invalid(path, `is larger than 256 MB; ${cutAdvice(path)}`);
  const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
    throw invalid(path, `cannot be read (${error.code}); check its permissions`, error);
  });
  return parseWav(bytes, path);
}

/**
 * Any PCM WAV: 8, 16, 24 or 32-bit integers, 32 or 64-bit floats, plain or extensible, any number of channels (mixed
 * down), chunks in any order of sizes. A data size of 0, of all ones or beyond the end means "until the end", as files
 * from pipes and from interrupted recordings have it; RF64 and BW64 say it elsewhere.
 * @param path only for messages
 * @throws ClientError AUDIO_FILE_INVALID
 */
export function parseWav(bytes: Uint8Array, path: string): WavAudio {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 12 || !kinds.has(tagAt(view, 0)) || tagAt(view, 8) !== 'WAVE') {
    throw invalid(path, `is no WAV file; ${convertAdvice(path)}`);
  }
  let format: WavFormat | undefined;
  let longSize: number | undefined;
  for (let offset = 12; offset + 8 <= bytes.length; ) {
    const tag = tagAt(view, offset);
    const size = view.getUint32(offset + 4, true);
    const start = offset + 8;
    if (tag === 'fmt ') format = readFormat(view, start, size, path);
    if (tag === 'ds64' && size >= 16 && start + 16 <= bytes.length)
      longSize = Number(view.getBigUint64(start + 8, true));
    if (tag === 'data') {
      if (!format) throw invalid(path, `holds sound before its description; ${convertAdvice(path)}`);
      const long = size === 0xffff_ffff ? (longSize ?? size) : size;
      const end = long === 0 || start + long > bytes.length ? bytes.length : start + long;
      return toMono(view, start, end, format, path);
    }
    offset = start + size + (size % 2);
  }
  throw invalid(path, `holds no sound; ${convertAdvice(path)}`);
}

function readFormat(view: DataView, start: number, size: number, path: string): WavFormat {
  if (size < 16 || start + 16 > view.byteLength) throw invalid(path, `is cut off; ${convertAdvice(path)}`);
  const channels = view.getUint16(start + 2, true);
  const sampleRateHz = view.getUint32(start + 4, true);
  const bits = view.getUint16(start + 14, true);
  let tag = view.getUint16(start, true);
  if (tag === FormatTag.extensible && size >= 26 && start + 26 <= view.byteLength) {
    tag = view.getUint16(start + 24, true);
  }
  const read = readerOf(tag, bits);
  if (!read) {
    throw invalid(
      path,
      `is compressed or of an unusual kind (format ${tag}, ${bits} bits); ${convertAdvice(path)}`,
    );
  }
  if (channels < 1 || channels > MAX_CHANNELS) {
    throw invalid(path, `claims ${channels} channels; ${convertAdvice(path)}`);
  }
  if (sampleRateHz < MIN_RATE_HZ || sampleRateHz > MAX_RATE_HZ) {
    throw invalid(path, `claims a sample rate of ${sampleRateHz} Hz; ${convertAdvice(path)}`);
  }
  return { sampleRateHz, channels, bytesPerSample: bits / 8, read };
}

function readerOf(tag: number, bits: number): SampleReader | undefined {
  switch (`${tag}/${bits}`) {
    case `${FormatTag.pcm}/8`:
      return (view, offset) => (view.getUint8(offset) - 128) * 256;
    case `${FormatTag.pcm}/16`:
      return (view, offset) => view.getInt16(offset, true);
    case `${FormatTag.pcm}/24`:
      return (view, offset) => view.getUint8(offset) / 256 + view.getInt16(offset + 1, true);
    case `${FormatTag.pcm}/32`:
      return (view, offset) => view.getInt32(offset, true) / 65_536;
    case `${FormatTag.float}/32`:
      return (view, offset) => view.getFloat32(offset, true) * 32_768;
    case `${FormatTag.float}/64`:
      return (view, offset) => view.getFloat64(offset, true) * 32_768;
    default:
      return undefined;
  }
}

function toMono(view: DataView, start: number, end: number, format: WavFormat, path: string): WavAudio {
  const { channels, bytesPerSample, sampleRateHz, read } = format;
  const samples = Math.floor((end - start) / (channels * bytesPerSample));
  if (samples === 0) throw invalid(path, 'is empty; record something first');
  if (samples > MAX_SECONDS * sampleRateHz)
    throw invalid(path, `lasts more than an hour; ${cutAdvice(path)}`);
  const pcm = new Int16Array(samples);
  let offset = start;
  for (let i = 0; i < samples; i++) {
    let sum = 0;
    for (let channel = 0; channel < channels; channel++) {
      sum += read(view, offset);
      offset += bytesPerSample;
    }
    // NaN, which float files may hold, becomes 0 when it is stored.
    pcm[i] = Math.max(-32_768, Math.min(32_767, Math.round(sum / channels)));
  }
  return { sampleRateHz, pcm };
}

function tagAt(view: DataView, offset: number): string {
  return String.fromCharCode(...[0, 1, 2, 3].map((i) => view.getUint8(offset + i)));
}

function convertAdvice(path: string): string {
  return `convert it with: sox "${path}" -e signed -b 16 out.wav, or: ffmpeg -i "${path}" -c:a pcm_s16le out.wav`;
}

function cutAdvice(path: string): string {
  return `cut it with: sox "${path}" -b 16 -c 1 -r 16000 out.wav trim 0 3600`;
}

function invalid(path: string, what: string, cause?: unknown): ClientError {
  return new ClientError(ErrorCode.audioFileInvalid, `The sound file ${path} ${what}.`, { cause });
}
