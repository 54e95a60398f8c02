import { describe, expect, it } from 'vitest';
import { delaysMs, type Interruption, interruptInRoom } from './interrupting.ts';
import { echoEngine, parts, whyNot } from './support.ts';

const create = echoEngine && parts.createEchoCanceller;
/** They compute half a minute of sound at once, side by side: much longer where others compute as well. */
const PATIENCE_MS = 180_000;
const person = { durationMs: 1_500, gain: 0.3, pitch: 1.2 };

describe.skipIf(!create)(
  `interrupting by voice in a room that leaks${whyNot(create)}`,
  { timeout: PATIENCE_MS },
  () => {
    it.concurrent.each([
      ['as it is', {}],
      ['with the loudspeaker louder than a person', { leak: 0.9 }],
      ['with a sound card 180 ms slower than it says', { outputLatencyMs: 220, claimedLatencyMs: 40 }],
    ])('the device never takes itself for a person, %s', async (_, options) => {
      const { detectedMs } = await interruptInRoom(30, [], options);
      expect(detectedMs).toEqual([]);
    });

    it.concurrent.each([
      ['the loudspeaker ran dry', { stalls: [{ atMs: 14_300, durationMs: 60 }] }],
      ['much of it ran dry', { stalls: [{ atMs: 14_300, durationMs: 120 }] }],
      ['the microphone lost something', { losses: [{ atMs: 14_300, durationMs: 40 }] }],
    ])('an echo that has moved is no person, and a person is noticed again: %s', async (_, options) => {
      const interruptions: Interruption[] = [{ ...person, atMs: 16_500 }];
      const outcome = await interruptInRoom(20, interruptions, options);
      expect(outcome.detectedMs).toHaveLength(1);
      expect(delaysMs(interruptions, outcome)[0]).toBeLessThanOrEqual(400);
    });

    it.concurrent('a person is noticed within 400 ms, in every answer', async () => {
      const interruptions: Interruption[] = [3_000, 15_000, 25_500].map((atMs) => ({ ...person, atMs }));
      const outcome = await interruptInRoom(30, interruptions);
      for (const ms of delaysMs(interruptions, outcome)) {
        expect(ms).toBeGreaterThan(100);
        expect(ms).toBeLessThanOrEqual(400);
      }
      expect(outcome.detectedMs).toHaveLength(3);
    });
  },
);
