import { describe, expect, it } from 'vitest';
import { EchoPlace } from '../../src/audio/echo-place.ts';
import { OwnVoice } from '../../src/audio/own-voice.ts';
import {
  EchoStory,
  energyOf,
  frameMs,
  hiss,
  person,
  personOfPitch,
  samples,
  speech,
} from '../support/echo-story.ts';

describe("the device's own voice", () => {
  it('soon tells that a person is none of the device, while the echo is where it was', () => {
    const story = new EchoStory();
    story.listen(4_000);
    story.personSpeaks = true;
    // As long as a voice has to last anyway before it counts.
    story.listen(140);
    expect(story.doubtMs()).toBeLessThanOrEqual(120);
  });

  it.each([0.95, 1.05])(
    'tells a person whose voice is %f times as high as its own as soon as any other',
    (pitch) => {
      const story = new EchoStory();
      story.person = personOfPitch(pitch);
      const doubts = Array.from({ length: 4 }, () => {
        story.personSpeaks = false;
        story.listen(1_500);
        story.personSpeaks = true;
        story.listen(140);
        return story.doubtMs();
      });
      expect(doubts.filter((ms) => ms <= 120)).toHaveLength(4);
    },
  );

  it('takes an echo that has just moved for the device, until it has been found', () => {
    const story = new EchoStory();
    story.listen(4_000);
    story.delayMs = 130;
    story.listen(140);
    expect(story.ownVoice.mayBe()).toBe(true);
    while (story.place.moves === 0) {
      story.listen(frameMs);
      expect(story.ownVoice.mayBe()).toBe(true);
    }
    expect(story.nowMs).toBeLessThan(4_800);
  });

  it('knows when what is left is echo: at the beginning and while it has moved, not when a person speaks', () => {
    const story = new EchoStory();
    story.listen(400);
    expect(story.ownVoice.isEchoLeft).toBe(true);
    story.listen(2_600);
    expect(story.ownVoice.isEchoLeft).toBe(false);
    story.delayMs = 130;
    story.listen(250);
    expect(story.ownVoice.isEchoLeft).toBe(true);
    story.listen(1_000);
    story.personSpeaks = true;
    for (let spokenMs = 0; spokenMs < 3_000; spokenMs += frameMs) {
      story.listen(frameMs);
      expect(story.ownVoice.isEchoLeft).toBe(false);
    }
  });

  it('lets nothing through while the first echo may be coming, and then whatever comes where there is none', () => {
    const place = new EchoPlace(16_000);
    const ownVoice = new OwnVoice(place, 16_000);
    const held = Array.from({ length: 100 }, (_, frame) => {
      const far = speech.subarray(frame * samples, (frame + 1) * samples);
      const near = hiss.slice(frame * samples, (frame + 1) * samples);
      place.pushFar(far, 16_000, frame * frameMs);
      place.hear(near, far, (frame + 1) * frameMs);
      ownVoice.hear(near, (frame + 1) * frameMs, energyOf(near), energyOf(near));
      return ownVoice.isEchoLeft;
    });
    expect(held.indexOf(true)).toBeLessThan(10);
    expect(held.lastIndexOf(true)).toBeGreaterThan(30);
    expect(held.lastIndexOf(true)).toBeLessThan(60);
  });

  it('takes a person who speaks after that for a person', () => {
    const story = new EchoStory();
    story.listen(4_000);
    story.delayMs = 130;
    story.listen(1_500);
    story.personSpeaks = true;
    story.listen(140);
    expect(story.doubtMs()).toBeLessThanOrEqual(120);
  });

  it('asks nothing while the device is silent', () => {
    const place = new EchoPlace(16_000);
    const ownVoice = new OwnVoice(place, 16_000);
    const silence = new Int16Array(samples);
    for (let frame = 0; frame < 100; frame++) {
      const near = person.slice(frame * samples, (frame + 1) * samples);
      place.hear(near, silence, frame * frameMs);
      ownVoice.hear(near, (frame + 1) * frameMs, energyOf(near), energyOf(near));
    }
    ownVoice.mayBe();
    for (let frame = 0; frame < 5; frame++) place.hear(silence, silence, (100 + frame) * frameMs);
    expect(ownVoice.mayBe()).toBe(false);
    expect(place.delayMs).toBeUndefined();
  });
});
