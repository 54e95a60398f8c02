/** Samples of one frame of mono PCM. Whole for every Opus frame duration at every Opus rate. */
export function samplesPerFrame(sampleRateHz: number, frameDurationMs: number): number {
  return Math.round((sampleRateHz * frameDurationMs) / 1000);
}

/** How long `samples` of mono PCM last, in ms. */
export function durationMs(samples: number, sampleRateHz: number): number {
  return (samples / sampleRateHz) * 1000;
}
