import { describe, expect, it } from 'vitest';
import { EchoPlace } from '../../src/audio/echo-place.ts';
import { fluentSpeech, higherVoice, looped } from '../native/support.ts';
import { noise } from '../support/signals.ts';

const frameMs = 10;
const samples = 160;
const seconds = 12;
const aheadMs = 200;
const speech = looped(fluentSpeech(), seconds, 0.5);
const person = looped(higherVoice(fluentSpeech()), seconds, 0.4);
const hiss = noise(speech.length, 0.0005);

/** An echo that comes as late as `delayMs` says at that time. A canceller takes it out where it has been told it is. */
class Story {
  readonly place = new EchoPlace(16_000);
  delayMs = 40;
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
    while (this.place.mayBeOwnVoice() && this.nowMs < fromMs + 1_000);
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
      (_, i) => (this.personSpeaks ? (person[from + i] as number) : 0) + (hiss[from + i] as number),
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
    this.place.hearCleaned(cleaned, energyOf(near), energyOf(cleaned));
    this.nowMs += frameMs;
  }
}

function energyOf(pcm: Int16Array): number {
  return pcm.reduce((sum, sample) => sum + sample ** 2, 0);
}

describe('the place of the echo', () => {
  it('is found within half a second of speech', () => {
    const story = new Story();
    expect(story.place.delayMs).toBeUndefined();
    story.listen(1_000);
    expect(story.place.delayMs).toBeCloseTo(40, 0);
    expect(story.place.moves).toBe(0);
  });

  it.each([100, -100, 460, -180])(
    'is found again soon after it has moved to %i ms, and stays in its place in the filter',
    (delayMs) => {
      const story = new Story();
      story.listen(4_000);
      const { delayInFilterMs } = story.place;
      story.delayMs = delayMs;
      story.listen(700);
      expect(story.place.delayMs).toBeCloseTo(delayMs, 0);
      expect(story.place.delayInFilterMs).toBeCloseTo(delayInFilterMs, 0);
      expect(story.place.moves).toBe(1);
    },
  );

  it('stays in the filter when the clock of the microphone is set', () => {
    const story = new Story();
    story.microphoneClockMs = -30;
    story.listen(4_000);
    expect(story.place.delayMs).toBeCloseTo(10, 0);
    story.microphoneClockMs = 0;
    story.place.setClock(30);
    story.listen(1_000);
    expect(story.place.delayMs).toBeCloseTo(40, 0);
    expect(story.place.delayInFilterMs).toBeCloseTo(10, 0);
    expect(story.place.moves).toBe(0);
  });

  it('is not where another voice happens to resemble the device', () => {
    const story = new Story();
    story.listen(4_000);
    story.personSpeaks = true;
    story.listen(5_000);
    expect(story.place.moves).toBe(0);
  });

  it('soon tells that a person is none of the device, while the echo is where it was', () => {
    const story = new Story();
    story.listen(4_000);
    story.personSpeaks = true;
    // As long as a voice has to last anyway before it counts.
    story.listen(140);
    expect(story.doubtMs()).toBeLessThanOrEqual(120);
  });

  it('takes an echo that has just moved for the device, until it has been found', () => {
    const story = new Story();
    story.listen(4_000);
    story.delayMs = 130;
    story.listen(140);
    expect(story.place.mayBeOwnVoice()).toBe(true);
    while (story.place.moves === 0) {
      story.listen(frameMs);
      expect(story.place.mayBeOwnVoice()).toBe(true);
    }
    expect(story.nowMs).toBeLessThan(4_800);
  });

  it('knows when what is left is echo: at the beginning and while it has moved, not when a person speaks', () => {
    const story = new Story();
    story.listen(400);
    expect(story.place.isEchoLeft).toBe(true);
    story.listen(2_600);
    expect(story.place.isEchoLeft).toBe(false);
    story.delayMs = 130;
    story.listen(250);
    expect(story.place.isEchoLeft).toBe(true);
    story.listen(1_000);
    story.personSpeaks = true;
    for (let spokenMs = 0; spokenMs < 3_000; spokenMs += frameMs) {
      story.listen(frameMs);
      expect(story.place.isEchoLeft).toBe(false);
    }
  });

  it('lets nothing through while the first echo may be coming, and then whatever comes where there is none', () => {
    const place = new EchoPlace(16_000);
    const held = Array.from({ length: 100 }, (_, frame) => {
      const far = speech.subarray(frame * samples, (frame + 1) * samples);
      const near = hiss.slice(frame * samples, (frame + 1) * samples);
      place.pushFar(far, 16_000, frame * frameMs);
      place.hear(near, far, (frame + 1) * frameMs);
      place.hearCleaned(near, energyOf(near), energyOf(near));
      return place.isEchoLeft;
    });
    expect(held.indexOf(true)).toBeLessThan(10);
    expect(held.lastIndexOf(true)).toBeGreaterThan(30);
    expect(held.lastIndexOf(true)).toBeLessThan(60);
  });

  it('takes a person who speaks after that for a person', () => {
    const story = new Story();
    story.listen(4_000);
    story.delayMs = 130;
    story.listen(1_500);
    story.personSpeaks = true;
    story.listen(140);
    expect(story.doubtMs()).toBeLessThanOrEqual(120);
  });

  it('asks nothing while the device is silent', () => {
    const place = new EchoPlace(16_000);
    const silence = new Int16Array(samples);
    for (let frame = 0; frame < 100; frame++) {
      const near = person.slice(frame * samples, (frame + 1) * samples);
      place.hear(near, silence, frame * frameMs);
      place.hearCleaned(near, energyOf(near), energyOf(near));
    }
    place.mayBeOwnVoice();
    for (let frame = 0; frame < 5; frame++) place.hear(silence, silence, (100 + frame) * frameMs);
    expect(place.mayBeOwnVoice()).toBe(false);
    expect(place.delayMs).toBeUndefined();
  });
});
