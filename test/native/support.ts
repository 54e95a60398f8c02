import { existsSync, readFileSync } from 'node:fs';
import type { NativeAddon } from '../../native/index.js';
import { loadNativeParts } from '../../src/adapters/native/addon.ts';
import { skipped } from '../support/skipped.ts';

/** To be put behind the name of a suite that is skipped where the add-on, or a part of it, is not there. */
export function whyNot(part: unknown): string {
  return skipped(part === undefined ? (parts.problem ?? 'this build of the add-on cannot do it') : undefined);
}

export const addonPath = new URL('../../native/build/Release/xiaozhi_native.node', import.meta.url).pathname;

export const parts = loadNativeParts(existsSync(addonPath) ? addonPath : undefined);

/** Which canceller was built keeps which promises: one of the older alone keeps too few to be tested (native/README.md). */
export const echoEngine = (() => {
  const library = parts.libraries[0] ?? '';
  if (/ and /.test(library)) return 'both';
  return /-[12] /.test(library) ? 'AEC3' : undefined;
})();

/** The bare add-on, without the adapters. */
export async function bareAddon(): Promise<NativeAddon | undefined> {
  if (!existsSync(addonPath)) return undefined;
  const { createRequire } = await import('node:module');
  return createRequire(import.meta.url)(addonPath) as NativeAddon;
}

/** Speech at 16 kHz without the long pauses, from the recordings that stand in for a microphone. */
export function fluentSpeech(): Int16Array<ArrayBuffer> {
  const wav = readFileSync(new URL('../fixtures/speech-two-turns.wav', import.meta.url));
  const from = wav.indexOf('data') + 8;
  const pcm = new Int16Array(wav.buffer.slice(wav.byteOffset + from, wav.byteOffset + wav.length));
  const frames: Int16Array[] = [];
  for (let start = 0; start + 160 <= pcm.length; start += 160) {
    const frame = pcm.subarray(start, start + 160);
    if (frame.some((sample) => Math.abs(sample) > 200)) frames.push(frame);
  }
  return Int16Array.from(frames.flatMap((frame) => [...frame]));
}

/** The same words by somebody with a higher voice. */
export function higherVoice(speech: Int16Array, ratio = 1.25): Int16Array<ArrayBuffer> {
  return Int16Array.from({ length: Math.floor(speech.length / ratio) - 1 }, (_, i) => {
    const at = Math.floor(i * ratio);
    const share = i * ratio - at;
    return Math.round((speech[at] as number) * (1 - share) + (speech[at + 1] as number) * share);
  });
}

/** `seconds` at 16 kHz, over and over. */
export function looped(speech: Int16Array, seconds: number, gain = 1): Int16Array<ArrayBuffer> {
  return Int16Array.from(
    { length: seconds * 16_000 },
    (_, i) => (speech[i % speech.length] as number) * gain,
  );
}
