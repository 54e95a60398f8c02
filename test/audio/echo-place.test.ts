import { describe, expect, it } from 'vitest';
import { EchoStory } from '../support/echo-story.ts';

describe('the place of the echo', () => {
  it('is found within half a second of speech', () => {
    const story = new EchoStory();
    expect(story.place.delayMs).toBeUndefined();
    story.listen(1_000);
    expect(story.place.delayMs).toBeCloseTo(40, 0);
    expect(story.place.moves).toBe(0);
  });

  it.each([100, -100, 460, -180])(
    'is found again soon after it has moved to %i ms, and stays in its place in the filter',
    (delayMs) => {
      const story = new EchoStory();
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
    const story = new EchoStory();
    story.microphoneClockMs = -30;
    story.listen(4_000);
    expect(story.place.delayMs).toBeCloseTo(10, 0);
    story.microphoneClockMs = 0;
    story.place.setNearClock(30);
    story.listen(1_000);
    expect(story.place.delayMs).toBeCloseTo(40, 0);
    expect(story.place.delayInFilterMs).toBeCloseTo(10, 0);
    expect(story.place.moves).toBe(0);
  });

  it('stays in the filter when the clock of the loudspeaker is set', () => {
    const story = new EchoStory();
    story.listen(4_000);
    const before = story.place.shiftMs;
    story.place.setFarClock(10);
    expect(story.place.delayMs).toBeCloseTo(30, 0);
    expect(story.place.shiftMs).toBe(before - 10);
    expect(story.place.delayInFilterMs).toBeCloseTo(40, 0);
  });

  it('is not where another voice happens to resemble the device', () => {
    const story = new EchoStory();
    story.listen(4_000);
    story.personSpeaks = true;
    story.listen(5_000);
    expect(story.place.moves).toBe(0);
  });
});
