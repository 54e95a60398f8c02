import { describe, expect, it } from 'vitest';
import { createSpeechLine, type SpeechPace } from '../../src/demo-server/speech-line.ts';
import { codec } from '../support/demo-client.ts';
import { FakeClock } from '../support/fake-clock.ts';

const pace: SpeechPace = {
  sampleRateHz: 24_000,
  leadFrames: 6,
  laterLeadFrames: 1,
  pauseMs: 60,
  stopDelayMs: 420,
};

function setUp(changes: Partial<SpeechPace> = {}) {
  const clock = new FakeClock();
  const log: string[] = [];
  const note = (what: string) => log.push(`${clock.now()} ${what}`);
  const line = createSpeechLine({
    codec,
    clock,
    pace: { ...pace, ...changes },
    sendAudio: () => note('packet'),
    onSentenceStart: (text) => note(`+${text}`),
    onSentenceEnd: (text) => note(`-${text}`),
    onEnd: () => note('end'),
  });
  const sentence = (text: string, packets: number) => ({ text, pcm: new Int16Array(1_440 * packets) });
  return { clock, line, log, sentence };
}

describe('a line of speech', () => {
  it('says sentence behind sentence without a gap, and ends 420 ms after the last packet', () => {
    const { clock, line, log, sentence } = setUp();
    line.say([sentence('a', 7), sentence('b', 2)]);
    clock.advance(5_000);
    expect(log).toEqual([
      '0 +a',
      ...Array.from({ length: 6 }, () => '0 packet'),
      '60 packet',
      '120 -a',
      '120 +b',
      '120 packet',
      '180 packet',
      '240 -b',
      '600 end',
    ]);
    expect([line.speaking, clock.pendingTimers]).toEqual([false, 0]);
  });

  it('pauses between sentences where it is told to, each with its lead', () => {
    const { clock, line, log, sentence } = setUp({ leadFrames: 2, laterLeadFrames: 2, pauseMs: 300 });
    line.say([sentence('a', 3), sentence('b', 3)]);
    clock.advance(5_000);
    expect(log.filter((entry) => entry.endsWith('packet')).map(Number.parseFloat)).toEqual([
      0, 0, 60, 360, 360, 420,
    ]);
  });

  it('goes on with what is added before its end, and ends once', () => {
    const { clock, line, log, sentence } = setUp();
    line.say([sentence('a', 1)]);
    clock.advance(300);
    line.say([sentence('b', 1)]);
    clock.advance(5_000);
    expect(log.filter((entry) => !entry.endsWith('packet'))).toEqual([
      '0 +a',
      '60 -a',
      '300 +b',
      '360 -b',
      '720 end',
    ]);
  });

  it('is silent once it is cancelled, in a sentence and behind the last', () => {
    const { clock, line, log, sentence } = setUp();
    line.say([sentence('a', 9), sentence('b', 9)]);
    clock.advance(60);
    expect([line.cancel(), line.cancel()]).toEqual([true, false]);
    line.say([sentence('c', 1)]);
    clock.advance(100);
    expect(line.cancel()).toBe(true);
    clock.advance(5_000);
    expect([log.at(-1), clock.pendingTimers]).toEqual(['120 -c', 0]);
  });

  it('encodes at the rate of the sentence', () => {
    const { clock, line, log } = setUp({ sampleRateHz: 16_000 });
    line.say([{ text: 'a', pcm: new Int16Array(2_880) }]);
    clock.advance(5_000);
    expect(log.filter((entry) => entry.endsWith('packet'))).toHaveLength(2);
  });
});
