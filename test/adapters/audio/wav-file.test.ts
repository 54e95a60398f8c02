import { mkdir, mkdtemp, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseWav, readWavFile } from '../../../src/adapters/audio/wav-file.ts';
import { wavHeader } from '../../../src/audio/format-wav.ts';
import { ClientError } from '../../../src/core/errors.ts';
import { buildWav, chunk } from '../../support/wav.ts';

/** The same four samples in every encoding: zero, half, minus half and the negative end of the scale. */
const SAMPLES = Int16Array.of(0, 16_384, -16_384, -32_768);

function encoded(bits: number, float = false): Buffer {
  const data = Buffer.alloc((SAMPLES.length * bits) / 8);
  SAMPLES.forEach((sample, i) => {
    const offset = (i * bits) / 8;
    if (float && bits === 32) data.writeFloatLE(sample / 32_768, offset);
    else if (float) data.writeDoubleLE(sample / 32_768, offset);
    else if (bits === 8) data.writeUInt8(sample / 256 + 128, offset);
    else data.writeIntLE(sample * 2 ** (bits - 16), offset, bits / 8);
  });
  return data;
}

describe('every encoding gives the same samples', () => {
  test.each([
    [8, 1],
    [16, 1],
    [24, 1],
    [32, 1],
    [32, 3],
    [64, 3],
  ])('%i bits, format %i, plain and extensible', (bits, formatTag) => {
    const data = encoded(bits, formatTag === 3);
    for (const extensible of [false, true]) {
      const wav = buildWav(data, { bits, formatTag, extensible, sampleRateHz: 44_100 });
      expect(parseWav(wav, 'x.wav')).toEqual({ sampleRateHz: 44_100, pcm: SAMPLES });
    }
  });
});

test('channels are mixed down', () => {
  const stereo = Buffer.from(Int16Array.of(100, 300, -50, -70, 32_767, 32_767).buffer);
  expect(parseWav(buildWav(stereo, { channels: 2 }), 'x').pcm).toEqual(Int16Array.of(200, -60, 32_767));
});

test('floats beyond full scale saturate and NaN is silence', () => {
  const data = Buffer.from(Float32Array.of(1.5, -3, Number.NaN, Number.POSITIVE_INFINITY).buffer);
  expect(parseWav(buildWav(data, { bits: 32, formatTag: 3 }), 'x').pcm).toEqual(
    Int16Array.of(32_767, -32_768, 0, 32_767),
  );
});

test('chunks nobody asked for are passed over, those of odd length too', () => {
  const chunksBefore = [chunk('LIST', Buffer.from('INFOx')), chunk('bext', Buffer.alloc(602))];
  expect(parseWav(buildWav(encoded(16), { chunksBefore }), 'x').pcm).toEqual(SAMPLES);
});

test.each([0, 0xffff_ffff, 1_000])(
  'a size of %i means until the end, as pipes and crashes leave it',
  (claimed) => {
    expect(parseWav(buildWav(encoded(16), { claimedDataBytes: claimed }), 'x').pcm).toEqual(SAMPLES);
  },
);

test('half a sample at the end is left out', () => {
  expect(parseWav(buildWav(encoded(16)).subarray(0, -1), 'x').pcm).toEqual(SAMPLES.slice(0, 3));
});

test('what follows the sound is no sound', () => {
  const wav = Buffer.concat([buildWav(encoded(16)), chunk('LIST', Buffer.alloc(20, 1))]);
  expect(parseWav(wav, 'x').pcm).toEqual(SAMPLES);
});

test('the header we write is read back', () => {
  const data = encoded(16);
  expect(parseWav(Buffer.concat([wavHeader(24_000, data.length), data]), 'x')).toEqual({
    sampleRateHz: 24_000,
    pcm: SAMPLES,
  });
});

test('whatever the bytes are, there is sound or a ClientError', () => {
  const noisy = fc
    .tuple(
      fc.uint8Array({ maxLength: 80 }),
      fc.record({
        formatTag: fc.constantFrom(1, 3, 7, 0xfffe),
        channels: fc.nat(40),
        sampleRateHz: fc.nat(400_000),
        bits: fc.nat(70),
        claimedDataBytes: fc.nat(0xffff_ffff),
        extensible: fc.boolean(),
      }),
      fc.nat(130),
    )
    .map(([data, options, length]) => buildWav(data, options).subarray(0, length));
  fc.assert(
    fc.property(fc.oneof(noisy, fc.uint8Array({ maxLength: 100 })), (bytes) => {
      try {
        expect(parseWav(bytes, 'x').pcm.length).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(ClientError);
      }
    }),
    { numRuns: 2_000 },
  );
});

describe('files that are none', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'wav-'));
    await mkdir(join(directory, 'directory.wav'));
    await writeFile(join(directory, 'song.mp3'), Buffer.from('ID3\u0003'.padEnd(100)));
    await writeFile(join(directory, 'mulaw.wav'), buildWav(Buffer.alloc(10), { formatTag: 7, bits: 8 }));
    await writeFile(join(directory, 'empty.wav'), buildWav(Buffer.alloc(0)));
    await writeFile(join(directory, 'nothing.wav'), '');
    await writeFile(
      join(directory, 'long.wav'),
      buildWav(Buffer.alloc(3_601 * 1_000), { bits: 8, sampleRateHz: 1_000 }),
    );
    await writeFile(join(directory, 'huge.wav'), buildWav(encoded(16)));
    await truncate(join(directory, 'huge.wav'), 300 * 1024 * 1024);
  });
  afterAll(() => rm(directory, { recursive: true }));

  test.each([
    ['missing.wav', /does not exist; check the path/],
    ['directory.wav', /is not a file/],
    ['song.mp3', /is no WAV file; convert it with: sox/],
    ['mulaw.wav', /compressed.*convert it with: sox/],
    ['empty.wav', /is empty/],
    ['nothing.wav', /is no WAV file/],
    ['long.wav', /more than an hour; cut it with/],
    ['huge.wav', /larger than 256 MB; cut it with/],
  ])('%s is refused with what to do', async (name, message) => {
    const error = await readWavFile(join(directory, name)).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'AUDIO_FILE_INVALID', message: expect.stringMatching(message) });
  });
});

test.each(['RF64', 'BW64'])('a file that says its size in 64 bits is read: %s', (kind) => {
  const data = Buffer.from([1, 0, 2, 0, 3, 0]);
  const sizes = Buffer.alloc(28);
  sizes.writeBigUInt64LE(BigInt(data.length), 8);
  const wav = buildWav(data, { chunksBefore: [chunk('ds64', sizes)], claimedDataBytes: 0xffff_ffff });
  wav.write(kind, 0, 'latin1');
  const { pcm } = parseWav(Buffer.concat([wav, chunk('LIST', Buffer.alloc(8))]), 'x.wav');
  expect([...pcm]).toEqual([1, 2, 3]);
});
