import fc from 'fast-check';
import { expect, test } from 'vitest';
import { loadOpusCodec } from '../../src/app-codec.ts';
import { MAX_PAGE_SEGMENTS, oggPage } from '../../src/audio/ogg-page.ts';
import { createContainer } from '../../src/audio/recording-container.ts';
import { readOgg } from '../support/ogg.ts';
import { concat } from '../support/signals.ts';

const codec = await loadOpusCodec();
const PLAYER_RATE_HZ = 48_000;

/** A file in memory. */
function memoryFile() {
  const pieces: Uint8Array[] = [];
  return {
    append: (bytes: Uint8Array) => void pieces.push(bytes),
    overwrite: () => {
      throw new Error('An Ogg file is only appended to');
    },
    bytes: () => Buffer.concat(pieces),
  };
}

function recorded(chunks: readonly Int16Array[], sampleRateHz: number): Buffer {
  const file = memoryFile();
  const container = createContainer('ogg', file, sampleRateHz, codec);
  for (const chunk of chunks) container.write(chunk);
  container.finish();
  return file.bytes();
}

/** What a player plays: decoded at 48 kHz, the pre-skip left out, cut where the last page says. */
function played(bytes: Uint8Array): Int16Array {
  const [head, , ...audio] = readOgg(bytes);
  const opusHead = head?.packets[0] ?? new Uint8Array(19);
  const preSkip = new DataView(opusHead.buffer).getUint16(10, true);
  const decoder = codec.createDecoder(PLAYER_RATE_HZ);
  const pcm = concat(audio.flatMap(({ packets }) => packets.map((packet) => decoder.decode(packet))));
  return pcm.subarray(preSkip, audio.at(-1)?.granule);
}

const noise = (samples: number) =>
  Int16Array.from({ length: samples }, (_, i) => 8000 * Math.sin(i * i * 0.0003) + 2000 * Math.sin(i * 0.05));

test('the first page is the head and the second the tags, as RFC 7845 has them', () => {
  const [first, second] = readOgg(recorded([noise(16_000)], 16_000));
  expect({
    ...first,
    serial: 0,
    packets: first?.packets.map((one) => Buffer.from(one).toString('hex')),
  }).toEqual({
    flags: 2,
    granule: 0,
    serial: 0,
    sequence: 0,
    packets: ['4f7075734865616401013801803e0000000000'],
  });
  expect(second?.packets.map((one) => Buffer.from(one).toString('latin1'))).toEqual([
    'OpusTags\u000f\0\0\0xiaozhi-speaker\0\0\0\0',
  ]);
});

test('a page is written every second, all of one stream, counted, and the last one says so', () => {
  const pages = readOgg(recorded([noise(16_000 * 8.5)], 16_000));
  expect(pages.map(({ flags, granule, sequence }) => ({ flags, granule, sequence }))).toEqual([
    { flags: 2, granule: 0, sequence: 0 },
    { flags: 0, granule: 0, sequence: 1 },
    ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => ({ flags: 0, granule: n * 48_000, sequence: n + 1 })),
    { flags: 4, granule: 8.5 * 48_000 + 312, sequence: 10 },
  ]);
  expect(new Set(pages.map(({ serial }) => serial)).size).toBe(1);
});

test('any sound, cut anywhere, plays for exactly as long as it was, without a frame too many', () => {
  const rate = fc.constantFrom(8_000, 12_000, 16_000, 24_000, 44_100, 48_000, 96_000);
  const chunks = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 6 });
  fc.assert(
    fc.property(rate, chunks, (sampleRateHz, lengths) => {
      const samples = lengths.reduce((sum, length) => sum + length, 0);
      const bytes = recorded(
        lengths.map((length) => noise(length)),
        sampleRateHz,
      );
      const pages = readOgg(bytes).slice(2);
      const frames = pages.reduce((sum, { packets }) => sum + packets.length, 0);
      expect(frames).toBe(Math.ceil((pages.at(-1)?.granule ?? 0) / 960));
      expect(Math.abs(played(bytes).length - (samples * PLAYER_RATE_HZ) / sampleRateHz)).toBeLessThanOrEqual(
        1,
      );
    }),
    { numRuns: 60 },
  );
});

test('what is played is what was recorded, from the first sample to the last', () => {
  const sound = noise(48_000);
  const heard = played(recorded([sound], 48_000));
  // Where the resemblance is greatest is where the sound is: not a sample off.
  const resemblance = (shift: number) => {
    let sum = 0;
    for (let i = 100; i < sound.length - 100; i++) sum += (sound[i] as number) * (heard[i + shift] as number);
    return sum;
  };
  const shifts = Array.from({ length: 101 }, (_, i) => i - 50);
  expect(shifts.reduce((best, shift) => (resemblance(shift) > resemblance(best) ? shift : best), 0)).toBe(0);
  const tail = heard.subarray(-480).reduce((loudest, sample) => Math.max(loudest, Math.abs(sample)), 0);
  expect(tail).toBeGreaterThan(2000);
});

test('a file that was cut off anywhere plays up to its last whole page', () => {
  const bytes = recorded([noise(48_000)], 16_000);
  const whole = readOgg(bytes);
  fc.assert(
    fc.property(fc.integer({ min: 0, max: bytes.length - 1 }), (length) => {
      const left = readOgg(bytes.subarray(0, length));
      expect(left).toEqual(whole.slice(0, left.length));
    }),
  );
});

test('a page holds packets of any length that fit, those of whole multiples of 255 bytes too', () => {
  const lengths = fc.array(fc.oneof(fc.nat(1500), fc.constantFrom(0, 255, 510)), { maxLength: 40 });
  fc.assert(
    fc.property(lengths, (all) => {
      const packets = all.map((length, i) => new Uint8Array(length).fill(i));
      const page = {
        position: 'middle',
        granule: 2 ** 40,
        serial: 0xffffffff,
        sequence: 7,
        packets,
      } as const;
      const { position: _, ...fields } = page;
      const segments = all.reduce((sum, length) => sum + Math.floor(length / 255) + 1, 0);
      if (segments > MAX_PAGE_SEGMENTS) expect(() => oggPage(page)).toThrow(RangeError);
      else expect(readOgg(oggPage(page))).toEqual([{ ...fields, flags: 0 }]);
    }),
  );
});
