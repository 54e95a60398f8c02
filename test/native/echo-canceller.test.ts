import { describe, expect, it } from 'vitest';
import { erleDb, keptVoice, playInRoom, speaking } from './room-run.ts';
import { echoEngine, parts, whyNot } from './support.ts';

const create = echoEngine && parts.createEchoCanceller;
/** Correlation with what the person said: AEC3 alone takes more of it away. */
const keptShare = echoEngine === 'both' ? 0.85 : 0.8;

describe.skipIf(!create)(
  `the native echo canceller in a room that leaks${whyNot(create)}`,
  { timeout: 120_000 },
  () => {
    it.concurrent.each([
      ['with exact latencies', {}],
      ['when the sound card is 180 ms slower than it says', { outputLatencyMs: 220, claimedLatencyMs: 40 }],
      ['when the sound card is 60 ms faster than it says', { outputLatencyMs: 20, claimedLatencyMs: 80 }],
      ['when the microphone delivers late', { inputLatencyMs: 200 }],
      ['when the loudspeaker is louder than the person', { leak: 0.9 }],
    ])('takes 20 dB of its own voice out after 2 s, %s', async (_, options) => {
      const run = await playInRoom(6, options);
      expect(erleDb(run, 2, 6)).toBeGreaterThan(20);
      expect(run.counters.erleDb).toBeGreaterThan(20);
      expect(run.problems).toEqual([]);
    });

    it.concurrent('lets a person through who speaks at the same time', async () => {
      const said = speaking(4, 10, 0.35);
      const { cleaned } = await playInRoom(10, { nearSpeech: said });
      expect(keptVoice(cleaned, said, 5, 9)).toBeGreaterThan(keptShare);
    });

    it.concurrent('leaves a person alone where nothing leaks', async () => {
      const said = speaking(1, 6, 0.35);
      const { cleaned } = await playInRoom(6, { leak: 0, nearSpeech: said });
      expect(keptVoice(cleaned, said, 2, 5)).toBeGreaterThan(keptShare);
    });
  },
);
