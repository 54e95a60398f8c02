/** Builds WAV files of every kind, well-formed unless told otherwise. */
export interface WavOptions {
  readonly formatTag?: number;
  readonly channels?: number;
  readonly sampleRateHz?: number;
  readonly bits?: number;
  /** What the header claims; the true size when left out. */
  readonly claimedDataBytes?: number;
  /** Chunks in front of the description and in front of the sound. */
  readonly chunksBefore?: readonly Buffer[];
  readonly extensible?: boolean;
}

export function buildWav(data: Uint8Array, options: WavOptions = {}): Buffer {
  const { formatTag = 1, channels = 1, sampleRateHz = 16_000, bits = 16, chunksBefore = [] } = options;
  const format = Buffer.alloc(options.extensible ? 40 : 16);
  format.writeUInt16LE(options.extensible ? 0xfffe : formatTag, 0);
  format.writeUInt16LE(channels, 2);
  format.writeUInt32LE(sampleRateHz, 4);
  format.writeUInt32LE((sampleRateHz * channels * bits) / 8, 8);
  format.writeUInt16LE((channels * bits) / 8, 12);
  format.writeUInt16LE(bits, 14);
  if (options.extensible) {
    format.writeUInt16LE(22, 16);
    format.writeUInt16LE(bits, 18);
    format.writeUInt16LE(formatTag, 24);
  }
  const body = Buffer.concat([
    ...chunksBefore,
    chunk('fmt ', format),
    ...chunksBefore,
    chunk('data', data, options.claimedDataBytes),
  ]);
  return Buffer.concat([Buffer.from('RIFF'), uint32(4 + body.length), Buffer.from('WAVE'), body]);
}

/** A chunk with its padding byte. */
export function chunk(tag: string, data: Uint8Array, claimedBytes = data.length): Buffer {
  return Buffer.concat([Buffer.from(tag), uint32(claimedBytes), data, Buffer.alloc(data.length % 2)]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
