import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createFrameReader,
  encodeFrame,
  FrameTooLargeError,
} from '../../../src/adapters/tools/frame-reader.ts';
import type { Framing } from '../../../src/ports/tool-definition.ts';

const text = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 200 }).filter((t) => !t.includes('\n'));

for (const framing of ['newline', 'length'] as const satisfies Framing[]) {
  test(`${framing}: whatever the chunks, the same frames come out and no byte is left`, () => {
    void fc.assert(
      fc.property(
        fc.array(text, { maxLength: 8 }),
        fc.array(fc.nat(50), { minLength: 1 }),
        (texts, sizes) => {
          const wire = Buffer.concat(texts.map((item) => encodeFrame(item, framing)));
          const reader = createFrameReader(framing, 4096);
          const frames: string[] = [];
          for (let at = 0, i = 0; at < wire.length; i++) {
            const size = Math.max(1, sizes[i % sizes.length] ?? 1);
            for (const frame of reader.push(wire.subarray(at, at + size))) frames.push(frame.toString());
            at += size;
          }
          expect(frames).toEqual(texts);
          expect(reader.rest()).toHaveLength(0);
        },
      ),
    );
  });

  test(`${framing}: a frame of exactly the limit passes, one byte more does not`, () => {
    const exact = createFrameReader(framing, 100).push(encodeFrame('x'.repeat(100), framing));
    expect(exact.map(String)).toEqual(['x'.repeat(100)]);
    const larger = encodeFrame('x'.repeat(101), framing);
    expect(() => createFrameReader(framing, 100).push(larger)).toThrow(FrameTooLargeError);
  });

  test(`${framing}: garbage gives frames or an error, never more bytes than came`, () => {
    void fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 })), (chunks) => {
        const reader = createFrameReader(framing, 64);
        try {
          for (const chunk of chunks)
            for (const frame of reader.push(Buffer.from(chunk))) expect(frame.length).toBeLessThanOrEqual(64);
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(FrameTooLargeError);
        }
      }),
    );
  });
}

test('a length of four gigabytes is refused before anything is allocated for it', () => {
  const reader = createFrameReader('length', 1000);
  expect(() => reader.push(Buffer.from([0xff, 0xff, 0xff, 0xff]))).toThrow(FrameTooLargeError);
});

test('the rest of a cut frame is told', () => {
  const reader = createFrameReader('length', 1000);
  reader.push(encodeFrame('hello', 'length').subarray(0, 7));
  expect(reader.rest()).toEqual(Buffer.from([0, 0, 0, 5, 0x68, 0x65, 0x6c]));
});
