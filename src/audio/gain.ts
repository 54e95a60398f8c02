/** Long enough that a change of volume does not click, short enough to follow a key: 11 ms at 24 kHz. */
const RAMP_SAMPLES = 256;
/** Whole numbers take a third of the time: the gain as a multiple of 2⁻¹⁵, so that no product exceeds 31 bits. */
const FRACTION_BITS = 15;
const UNITY = 1 << FRACTION_BITS;
const HALF = UNITY >> 1;
/** −12 dB: a voice over it is understood, and it is still heard that the answer goes on. */
const DUCKED = 0.25;
/** What the level meter shows as 0 %. */
const METER_FLOOR_DBFS = -60;

/** Factor of a volume of 0–100 % (values outside are taken as the nearest): quadratic, as the firmware does it (F71). */
export function gainOfVolume(volumePercent: number): number {
  return (Math.max(0, Math.min(100, volumePercent)) / 100) ** 2;
}

/** The volume knob of one stream. The gain never exceeds 1, so a sample cannot leave the 16-bit range. */
export class Gain {
  #volume: number;
  #ducking = 1;
  #current: number;
  #target: number;
  #step = 0;
  #rampLeft = 0;

  constructor(volumePercent: number) {
    this.#volume = gainOfVolume(volumePercent);
    this.#current = this.#volume;
    this.#target = this.#volume;
  }

  /** Takes effect over the next 256 samples, so that nothing clicks. */
  setVolume(volumePercent: number): void {
    this.#volume = gainOfVolume(volumePercent);
    this.#rampTo(this.#volume * this.#ducking);
  }

  /** `ducked`: 12 dB softer than the volume says. Takes effect like a change of volume. */
  duck(loudness: 'full' | 'ducked'): void {
    this.#ducking = loudness === 'full' ? 1 : DUCKED;
    this.#rampTo(this.#volume * this.#ducking);
  }

  #rampTo(target: number): void {
    if (target === this.#target) return;
    this.#target = target;
    this.#step = (this.#target - this.#current) / RAMP_SAMPLES;
    this.#rampLeft = RAMP_SAMPLES;
  }

  /** In place. */
  apply(pcm: Int16Array): void {
    const ramped = Math.min(this.#rampLeft, pcm.length);
    for (let i = 0; i < ramped; i++) {
      this.#current += this.#step;
      pcm[i] = Math.round((pcm[i] as number) * this.#current);
    }
    this.#rampLeft -= ramped;
    if (this.#rampLeft === 0) this.#current = this.#target;
    if (this.#current === 1) return;
    const factor = Math.round(this.#current * UNITY);
    for (let i = ramped; i < pcm.length; i++) pcm[i] = ((pcm[i] as number) * factor + HALF) >> FRACTION_BITS;
  }
}

/**
 * Root mean square relative to full scale, in dB; −∞ for digital silence and for no samples. `stride`: only every so many
 * samples are looked at, for who wants to know it roughly.
 */
export function levelDbfs(pcm: Int16Array, stride = 1): number {
  let energy = 0;
  for (let i = 0; i < pcm.length; i += stride) energy += (pcm[i] as number) * (pcm[i] as number);
  const looked = Math.ceil(pcm.length / stride);
  return energy === 0 ? Number.NEGATIVE_INFINITY : 10 * Math.log10(energy / looked / 32768 ** 2);
}

/** For a level meter: −60 dBFS and less is 0, full scale is 100. */
export function levelPercent(pcm: Int16Array): number {
  const share = 1 - levelDbfs(pcm) / METER_FLOOR_DBFS;
  return Math.round(100 * Math.max(0, Math.min(1, share)));
}

/** The same sound at a volume of 0–100 %. */
export function scaled(pcm: Int16Array, volumePercent: number): Int16Array {
  const gain = gainOfVolume(volumePercent);
  return pcm.map((sample) => Math.round(sample * gain));
}
