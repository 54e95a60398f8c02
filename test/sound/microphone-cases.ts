import { expect, test } from 'vitest';
import { createResampler } from '../../src/audio/resampler.ts';
import type { ClientError } from '../../src/core/errors.ts';
import type { Microphone } from '../../src/ports/microphone.ts';
import { bestCorrelation, concat } from '../support/signals.ts';
import { startVirtualAudio, type VirtualAudio } from '../support/virtual-audio.ts';
import { firstLoud, lastLoud, rms, speech, wait } from './sound.ts';

type Create = (env: VirtualAudio['env'], device: string | undefined) => Microphone;

/** What a microphone of a real sound system must do, fed by a player at the other end of a virtual cable. */
export function microphoneOnRealSound(audio: () => VirtualAudio, create: Create): void {
  test('speech comes in from its first syllable to its last, as loud as it was spoken', async () => {
    const { original, samples, chunksMs } = await spokenAndHeard('microphone');
    const first = firstLoud(samples);
    const length = lastLoud(samples) - first;
    expect(Math.abs(length - (lastLoud(original) - firstLoud(original)))).toBeLessThan(48);
    const voiced = original.subarray(firstLoud(original), lastLoud(original));
    const aligned = samples.subarray(Math.max(0, first - 48), first + voiced.length + 48);
    expect(bestCorrelation(aligned, voiced)).toBeGreaterThan(0.98);
    expect(rms(aligned) / rms(voiced)).toBeCloseTo(1, 1);
    // Not the longest: this process itself may have been busy.
    expect(chunksMs.sort((a, b) => a - b)[chunksMs.length >> 1]).toBeLessThanOrEqual(40);
  });

  test('a card with 44.1 kHz, six channels and 24 bits is heard as well', async () => {
    const { original, samples } = await spokenAndHeard('odd_microphone');
    const first = firstLoud(samples);
    const voiced = original.subarray(firstLoud(original), lastLoud(original));
    const aligned = samples.subarray(Math.max(0, first - 96), first + voiced.length + 96);
    expect(bestCorrelation(aligned, voiced)).toBeGreaterThan(0.97);
  });

  test('a sound system that goes away is a lost device, told once, and the start after it fails', async () => {
    const own = await startVirtualAudio();
    const microphone = create(own.env, undefined);
    const errors: ClientError[] = [];
    let tellLost = (): void => {};
    const lost = new Promise<void>((resolve) => {
      tellLost = resolve;
    });
    await microphone.start({
      onChunk: () => {},
      onError: (error) => {
        errors.push(error);
        tellLost();
      },
    });
    await own.stop();
    await lost;
    expect(errors).toMatchObject([{ code: 'AUDIO_DEVICE_LOST', retryable: true }]);
    await microphone.stop();
    await expect(microphone.start({ onChunk: () => {}, onError: () => {} })).rejects.toMatchObject({
      code: 'AUDIO_DEVICE_MISSING',
    });
  });

  test('a device that is not there is an error with a name and an advice', async () => {
    const microphone = create(audio().env, 'nowhere');
    const start = microphone.start({ onChunk: () => {}, onError: () => {} });
    await expect(start).rejects.toMatchObject({
      code: 'AUDIO_DEVICE_MISSING',
      message: expect.stringMatching(/nowhere.*xiaozhi-speaker devices/),
    });
    await microphone.stop();
  });

  async function spokenAndHeard(device: string) {
    const microphone = create(audio().env, device);
    const pieces: Int16Array[] = [];
    const errors: ClientError[] = [];
    await microphone.start({
      onChunk: (pcm) => void pieces.push(pcm.slice()),
      onError: (error) => void errors.push(error),
    });
    const { pcm, sampleRateHz } = await speech();
    await audio().play(pcm, sampleRateHz, `to_${device}`);
    await wait(200);
    await microphone.stop();
    expect(errors).toEqual([]);
    const original = createResampler(sampleRateHz, microphone.sampleRateHz).push(pcm);
    const chunksMs = pieces.map(({ length }) => (length / microphone.sampleRateHz) * 1000);
    return { original, samples: concat(pieces), chunksMs };
  }
}
