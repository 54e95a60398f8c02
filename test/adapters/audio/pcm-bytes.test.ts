import fc from 'fast-check';
import { expect, test } from 'vitest';
import { bytesOfPcm, createPcmReader } from '../../../src/adapters/audio/pcm-bytes.ts';
import { concat, noise } from '../../support/signals.ts';

test('bytes cut anywhere, at odd addresses too, come out as the same samples', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(9), { minLength: 1, maxLength: 12 }), fc.nat(60), (lengths, samples) => {
      const pcm = noise(samples);
      const bytes = bytesOfPcm(pcm);
      const heard: Int16Array[] = [];
      const read = createPcmReader((chunk) => heard.push(chunk));
      for (const [i, start] of lengths.map(
        (_, n) => [n, lengths.slice(0, n).reduce((a, b) => a + b, 0)] as const,
      )) {
        read(bytes.subarray(start, start + (lengths[i] ?? 0)));
      }
      read(bytes.subarray(lengths.reduce((a, b) => a + b, 0)));
      expect(concat(heard)).toEqual(pcm);
      expect(heard.every((chunk) => chunk.length > 0)).toBe(true);
    }),
  );
});
