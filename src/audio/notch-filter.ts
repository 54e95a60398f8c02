interface Notch {
  readonly b: readonly [number, number, number];
  readonly a: readonly [number, number];
  x1: number;
  x2: number;
  y1: number;
  y2: number;
}

/** A twelfth of the note to both sides: narrow for a voice, wide for the edges of a short note. */
const quality = 12;
/** One takes out a steady note, the second its edges. */
const timesEach = 2;

/** Takes single notes out of a sound and leaves the rest as it is. */
export class NotchFilter {
  readonly #notches: readonly Notch[];

  constructor(notesHz: readonly number[], sampleRateHz: number) {
    this.#notches = notesHz
      .filter((hz) => hz > 0 && hz < sampleRateHz / 2)
      .flatMap((hz) => Array.from({ length: timesEach }, () => notchAt(hz, sampleRateHz)));
  }

  /** @returns an array of its own */
  push(pcm: Int16Array): Int16Array {
    const out = new Int16Array(pcm.length);
    for (let at = 0; at < pcm.length; at++) {
      let sample = pcm[at] as number;
      for (const notch of this.#notches) sample = step(notch, sample);
      out[at] = Math.max(-32_768, Math.min(32_767, Math.round(sample)));
    }
    return out;
  }
}

/** The notch of R. Bristow-Johnson's Audio EQ Cookbook. */
function notchAt(hz: number, sampleRateHz: number): Notch {
  const angle = (2 * Math.PI * hz) / sampleRateHz;
  const alpha = Math.sin(angle) / (2 * quality);
  const scale = 1 + alpha;
  const middle = (-2 * Math.cos(angle)) / scale;
  return {
    b: [1 / scale, middle, 1 / scale],
    a: [middle, (1 - alpha) / scale],
    x1: 0,
    x2: 0,
    y1: 0,
    y2: 0,
  };
}

function step(notch: Notch, x: number): number {
  const { b, a, x1, x2, y1, y2 } = notch;
  const y = b[0] * x + b[1] * x1 + b[2] * x2 - a[0] * y1 - a[1] * y2;
  notch.x2 = x1;
  notch.x1 = x;
  notch.y2 = y1;
  notch.y1 = y;
  return y;
}
