import { describe, expect, it } from 'vitest';
import { DeviceHarness } from '../support/device-harness.ts';

describe('a microphone', () => {
  it('that breaks while it waits for the wake word is reported, tried again, and heard when it is back', async () => {
    const harness = await DeviceHarness.idle({ wakeWord: 'unsent' });
    await harness.pass(600);
    harness.microphone.missing = true;
    harness.microphone.break();
    await harness.pass(10_000);
    expect([harness.status, harness.errors]).toEqual([
      'idle',
      ['AUDIO_DEVICE_LOST', 'AUDIO_DEVICE_MISSING', 'AUDIO_DEVICE_MISSING', 'AUDIO_DEVICE_MISSING'],
    ]);
    harness.microphone.missing = false;
    await harness.pass(8_000);
    expect(harness.microphone.open).toBe(true);
  });

  it('that breaks in a conversation is there for the next one', async () => {
    const harness = await DeviceHarness.listening({ wakeWord: 'unsent' });
    harness.microphone.break();
    await harness.pass(2_000);
    expect([harness.status, harness.microphone.open, harness.errors]).toEqual([
      'idle',
      true,
      ['AUDIO_DEVICE_LOST'],
    ]);
  });

  it('is left alone when the next conversation has opened it already', async () => {
    const harness = await DeviceHarness.listening();
    harness.microphone.break();
    await harness.pass(60);
    harness.device.send({ type: 'talk.toggled' });
    const { starts } = harness.microphone;
    await harness.pass(3_000);
    expect([harness.microphone.open, harness.microphone.starts - starts]).toEqual([true, 0]);
  });

  it('is not tried again when the device has been stopped', async () => {
    const harness = await DeviceHarness.idle({ wakeWord: 'unsent' });
    harness.microphone.break();
    await harness.device.stop();
    const { starts } = harness.microphone;
    await harness.pass(100_000);
    expect(harness.microphone.starts).toBe(starts);
  });
});
