import { existsSync, readFileSync } from 'node:fs';
import { parseWav } from '../../src/adapters/audio/wav-file.ts';
import { toneLevelDb } from './signals.ts';

/** A header, and nothing behind it. */
const emptyWavBytes = 44;

/** Whether these notes are in the recording, one after the other. A recording may still grow, and be empty. */
export function hasNotes(file: string, ...hz: readonly number[]): boolean {
  const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
  if (bytes.length <= emptyWavBytes) return false;
  const { pcm, sampleRateHz } = parseWav(bytes, file);
  const step = sampleRateHz / 50;
  let at = 0;
  for (const wanted of hz) {
    const sounds = () => {
      const piece = pcm.subarray(at, at + step);
      const level = toneLevelDb(piece, wanted, sampleRateHz);
      const beside = Math.max(
        ...[0.75, 1.33].map((ratio) => toneLevelDb(piece, wanted * ratio, sampleRateHz)),
      );
      return level > -45 && level > beside + 6;
    };
    while (at + step <= pcm.length && !sounds()) at += step;
    if (at + step > pcm.length) return false;
  }
  return true;
}
