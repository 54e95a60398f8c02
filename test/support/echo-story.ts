import { EchoPlace } from '../../src/audio/echo-place.ts';
import { OwnVoice } from '../../src/audio/own-voice.ts';
import { fluentSpeech, higherVoice, looped } from '../native/support.ts';
import { noise } from './signals.ts';

export const frameMs = 10;
export const samples = 160;
const seconds = 12;
const aheadMs = 200;
export const speech = looped(fluentSpeech(), seconds, 0.5);
export const person = personOfPitch(1.25);
export const hiss = noise(speech.length, 0.0005);

/** An echo that comes as late as `delayMs` says at that time. A canceller takes it out where it has been told it is. */
export class EchoStory {
  readonly place = new EchoPlace(16_000);
  readonly ownVoice = new OwnVoice(this.place, 16_000);
  delayMs = 40;
  /** Who speaks, when somebody does. */
  person = person;
  personSpeaks = false;
  /** How much later than it is the microphone says that it is. */
  microphoneClockMs = 0;
  nowMs = 0;

  listen(ms: number): void {
    for (const endMs = this.nowMs + ms; this.nowMs < endMs; ) this.#frame();
  }

  /** How many ms somebody has to sound like a voice before it is sure that it is not the device; up to a second. */
  doubtMs(): number {
    const fromMs = this.nowMs;
    do this.#frame();
    while (this.ownVoice.mayBe() && this.nowMs < fromMs + 1_000);
    return this.nowMs - fromMs;
  }

  #frame(): void {
    const from = this.nowMs * 16;
    const far = speech.subarray(from, from + samples);
    // A loudspeaker is given its sound before it is heard.
    this.place.pushFar(
      speech.subarray(from + aheadMs * 16, from + aheadMs * 16 + samples),
      16_000,
      this.nowMs + aheadMs,
    );
    const others = Int16Array.from(
      far,
      (_, i) => (this.personSpeaks ? (this.person[from + i] as number) : 0) + (hiss[from + i] as number),
    );
    const near = others.map(
      (other, i) => other + 0.4 * (speech[from + i - Math.round(this.delayMs * 16)] ?? 0),
    );
    const saidMs = this.nowMs + this.microphoneClockMs;
    const promised = speech.subarray(saidMs * 16, saidMs * 16 + samples);
    this.place.hear(near, promised, saidMs + frameMs);
    const isCancelled =
      Math.abs(this.place.delayInFilterMs + this.place.shiftMs - this.delayMs - this.microphoneClockMs) < 1;
    const cleaned = isCancelled ? others : near;
    this.ownVoice.hear(cleaned, saidMs + frameMs, energyOf(near), energyOf(cleaned));
    this.nowMs += frameMs;
  }
}

/** Somebody who says the device's own words, so much higher. */
export function personOfPitch(ratio: number): Int16Array<ArrayBuffer> {
  return looped(higherVoice(fluentSpeech(), ratio), seconds, 0.4);
}

export function energyOf(pcm: Int16Array): number {
  return pcm.reduce((sum, sample) => sum + sample ** 2, 0);
}
