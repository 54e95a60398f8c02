import { createResampler } from '../../audio/resampler.ts';
import type { EchoCanceller } from '../../ports/echo-canceller.ts';

/** What was played, and what the microphone made of it; mono at one rate. */
export interface EchoRecording {
  readonly sampleRateHz: number;
  readonly played: Int16Array;
  readonly heard: Int16Array;
  /** Where in `heard` the first sample of `played` is. */
  readonly heardAt: number;
}

/** The canceller wants the far end a little before its echo. */
const LEAD_MS = 20;
/** It learns from what comes before. */
const MEASURED_SECONDS = 2;

/** By how many dB the canceller lowers the echo in the last seconds of what was played. */
export function echoLossDb(recording: EchoRecording, canceller: EchoCanceller): number {
  const { sampleRateHz: rateHz, samplesPerFrame } = canceller;
  const toCanceller = (pcm: Int16Array) => createResampler(recording.sampleRateHz, rateHz).push(pcm);
  const leadSamples = Math.round((LEAD_MS * recording.sampleRateHz) / 1000);
  const near = toCanceller(recording.heard.slice(Math.max(0, recording.heardAt - leadSamples)));
  const far = toCanceller(recording.played);
  const measuredFrom = far.length - MEASURED_SECONDS * rateHz;
  let before = 0;
  let after = 0;
  for (let at = 0; at + samplesPerFrame <= Math.min(far.length, near.length); at += samplesPerFrame) {
    const frame = near.slice(at, at + samplesPerFrame);
    if (at >= measuredFrom) before += energy(frame);
    canceller.process(frame, far.slice(at, at + samplesPerFrame), LEAD_MS);
    if (at >= measuredFrom) after += energy(frame);
  }
  // Silence cannot be told from one step of 16 bits.
  return 10 * Math.log10((before + 1) / (after + 1));
}

function energy(pcm: Int16Array): number {
  return pcm.reduce((sum, sample) => sum + sample * sample, 0);
}
