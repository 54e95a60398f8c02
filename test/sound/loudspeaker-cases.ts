import { expect, test } from 'vitest';
import { createResampler } from '../../src/audio/resampler.ts';
import type { Loudspeaker } from '../../src/ports/loudspeaker.ts';
import { bestCorrelation, tone, toneLevelDb } from '../support/signals.ts';
import { type Listener, startVirtualAudio, type VirtualAudio } from '../support/virtual-audio.ts';
import { firstLoud, lastLoud, longestHoleMs, rms, speech, wait } from './sound.ts';

type Create = (env: VirtualAudio['env'], device: string | undefined) => Loudspeaker;

/** What a loudspeaker of a real sound system must do, heard by a recorder at the other end of a virtual cable. */
export function loudspeakerOnRealSound(audio: () => VirtualAudio, create: Create): void {
  test('speech is heard from its first syllable to its last sample, as loud as it was written', async () => {
    const heard = await playedAndHeard('loudspeaker');
    const { original, samples } = heard;
    const first = firstLoud(samples);
    const length = lastLoud(samples) - first;
    const written = lastLoud(original) - firstLoud(original);
    expect(Math.abs(length - written)).toBeLessThan(48);
    const voiced = original.subarray(firstLoud(original), lastLoud(original));
    const aligned = samples.subarray(Math.max(0, first - 48), first + voiced.length + 48);
    expect(bestCorrelation(aligned, voiced)).toBeGreaterThan(0.98);
    expect(rms(aligned) / rms(voiced)).toBeCloseTo(1, 1);
  });

  test('a card with 44.1 kHz, six channels and 24 bits gets what it insists on', async () => {
    const { original, samples } = await playedAndHeard('odd_loudspeaker');
    const first = firstLoud(samples);
    const voiced = original.subarray(firstLoud(original), lastLoud(original));
    expect(
      bestCorrelation(samples.subarray(Math.max(0, first - 96), first + voiced.length + 96), voiced),
    ).toBeGreaterThan(0.97);
  });

  test('after a flush it is silent within a tenth of a second, and the next answer comes whole', async () => {
    await using room = await opened('loudspeaker');
    const { speaker, listener } = room;
    const hum = tone(440, speaker.sampleRateHz, 60);
    for (let i = 0; i < 12; i++) await speaker.write(hum.slice());
    for (let i = 0; i < 3; i++) void speaker.write(hum.slice());
    const flushedAtMs = performance.now();
    speaker.flush();
    await wait(600);
    const soundAfterMs = endOfSoundMs(listener) - flushedAtMs;
    expect(soundAfterMs).toBeLessThan(100);
    const before = listener.heard().length;
    await playAll(speaker, tone(880, speaker.sampleRateHz, 300));
    await wait(400);
    const answer = listener.heard().subarray(before);
    const from = firstLoud(answer);
    const lengthMs = ((lastLoud(answer) - from) / listener.sampleRateHz) * 1000;
    expect(lengthMs).toBeGreaterThan(295);
    expect(lengthMs).toBeLessThan(310);
    expect(toneLevelDb(answer.subarray(from, from + 4_800), 440, listener.sampleRateHz)).toBeLessThan(-50);
  });

  test('a steady tone has no hole', async () => {
    await using room = await opened('loudspeaker');
    const { speaker, listener } = room;
    await playAll(speaker, tone(400, speaker.sampleRateHz, 2_000));
    await wait(300);
    const samples = listener.heard();
    expect(
      longestHoleMs(samples.subarray(firstLoud(samples), lastLoud(samples)), listener.sampleRateHz),
    ).toBeLessThan(5);
  });

  test('a sound system that goes away is a lost device, told once', async () => {
    const own = await startVirtualAudio();
    const speaker = create(own.env, undefined);
    const errors: unknown[] = [];
    await speaker.start((error) => void errors.push(error));
    await own.stop();
    // A loss shows when sound is not taken any more; then nobody must wait for it.
    for (let i = 0; errors.length === 0 && i < 200; i++) {
      await speaker.write(tone(440, speaker.sampleRateHz || 24_000, 60));
    }
    expect(errors).toMatchObject([{ code: 'AUDIO_DEVICE_LOST', retryable: true }]);
    await speaker.write(new Int16Array(100_000));
    await speaker.stop();
  });

  test('a device that is not there is an error with a name and an advice', async () => {
    const speaker = create(audio().env, 'nowhere');
    await expect(speaker.start(() => {})).rejects.toMatchObject({
      code: 'AUDIO_DEVICE_MISSING',
      message: expect.stringMatching(/nowhere.*xiaozhi-speaker devices/),
    });
    await speaker.stop();
  });

  async function opened(device: string) {
    const listener = await audio().listen(`${device}.monitor`);
    const speaker = create(audio().env, device);
    const errors: Error[] = [];
    await speaker.start((error) => void errors.push(error));
    return {
      speaker,
      listener,
      [Symbol.asyncDispose]: async () => {
        await speaker.stop();
        await listener.stop();
        expect(errors).toEqual([]);
      },
    };
  }

  async function playedAndHeard(device: string) {
    await using room = await opened(device);
    const { speaker, listener } = room;
    const { pcm, sampleRateHz } = await speech();
    await playAll(speaker, createResampler(sampleRateHz, speaker.sampleRateHz).push(pcm));
    await wait(300);
    const original = createResampler(sampleRateHz, listener.sampleRateHz).push(pcm);
    return { original, samples: listener.heard() };
  }
}

async function playAll(speaker: Loudspeaker, pcm: Int16Array): Promise<void> {
  const frame = (speaker.sampleRateHz * 60) / 1000;
  for (let at = 0; at < pcm.length; at += frame) await speaker.write(pcm.slice(at, at + frame));
  await wait(speaker.pendingMs());
}

function endOfSoundMs(listener: Listener): number {
  const samples = listener.heard();
  return listener.lastAtMs - ((samples.length - lastLoud(samples)) / listener.sampleRateHz) * 1000;
}
