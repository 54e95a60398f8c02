import { gainOfVolume } from './gain.ts';

/** Sounds of the device itself, for whoever has no screen. */
export type CueName =
  | 'ready'
  | 'open'
  | 'close'
  | 'wake'
  | 'error'
  | 'away'
  | 'alert'
  | 'upgrade'
  | 'muted'
  | 'unmuted'
  | 'ring';

export interface CueSound {
  readonly pcm: Int16Array;
  readonly sampleRateHz: number;
}

type Note = readonly [frequencyHz: number, ms: number];

const sampleRateHz = 24_000;
const peak = 9000;
const pause = (ms: number): Note => [0, ms];

/** Those that come with a wish are over before anybody has drawn breath. */
const melodies: Readonly<Record<CueName, readonly Note[]>> = {
  ready: [
    [523, 120],
    [659, 120],
    [784, 200],
  ],
  open: [[988, 70]],
  close: [[494, 70]],
  wake: [
    [784, 50],
    [1175, 60],
  ],
  error: [[330, 160], pause(60), [262, 260]],
  away: [[392, 140], pause(60), [330, 140], pause(60), [262, 260]],
  alert: [[880, 120], pause(60), [880, 120]],
  upgrade: [
    [587, 100],
    [740, 100],
    [880, 100],
    [1175, 180],
  ],
  muted: [
    [659, 90],
    [440, 140],
  ],
  unmuted: [
    [440, 90],
    [659, 140],
  ],
  ring: Array.from({ length: 4 }, () => [[1319, 110], pause(50), [1047, 110], pause(230)] as const).flat(),
};

export function cueSound(name: CueName, volumePercent: number): CueSound {
  return { pcm: render(melodies[name], volumePercent), sampleRateHz };
}

/** The notes that a cue consists of. */
export function notesOf(name: CueName): readonly number[] {
  return [...new Set(melodies[name].map(([frequencyHz]) => frequencyHz))].filter((hz) => hz > 0);
}

/**
 * Digits as beeps, for a machine without a voice: as many as the digit says, ten for 0, a long pause after each digit.
 * Anything else in the code is left out.
 */
export function digitBeeps(code: string, volumePercent: number): CueSound {
  const notes = [...code].filter((character) => /\d/.test(character)).flatMap(beepsOf);
  return { pcm: render(notes, volumePercent), sampleRateHz };
}

function beepsOf(digit: string): Note[] {
  const count = digit === '0' ? 10 : Number(digit);
  return [...Array.from({ length: count }, () => [[880, 110], pause(110)] as const).flat(), pause(700)];
}

/** Each note begins and ends in silence, and softly: an edge has every frequency. */
function render(notes: readonly Note[], volumePercent: number): Int16Array {
  const level = peak * gainOfVolume(volumePercent);
  const parts = notes.map(([frequencyHz, ms]) =>
    Int16Array.from(
      { length: Math.round((sampleRateHz * ms) / 1000) },
      (_, at, count = (sampleRateHz * ms) / 1000) =>
        Math.round(
          level *
            Math.sin((Math.PI * at) / count) *
            Math.sin((2 * Math.PI * frequencyHz * at) / sampleRateHz),
        ),
    ),
  );
  const pcm = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    pcm.set(part, at);
    at += part.length;
  }
  return pcm;
}
