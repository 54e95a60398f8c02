import { expect, it } from 'vitest';
import { levelDbfs } from '../../src/audio/gain.ts';
import type { VoiceDetector } from '../../src/ports/voice-detector.ts';
import { answerPackets, DeviceHarness } from '../support/device-harness.ts';
import { tone } from '../support/signals.ts';

/** Takes whatever is louder than −30 dBFS for speech. */
const byLoudness: VoiceDetector = {
  sampleRateHz: 16_000,
  isSpeech: (frame) => frame.some((sample) => Math.abs(sample) > 1_000),
  reset: () => {},
};
const bargeIn = {
  settings: { voiceOverAnswer: 'interrupts' },
  mode: 'realtime',
  voiceDetector: byLoudness,
} as const;
const silence = new Int16Array(960);
const voice = tone(200, 16_000, 60);
const murmur = tone(200, 16_000, 60, 0.035);

/** Time goes by in which the microphone hears this. */
async function hear(harness: DeviceHarness, sound: Int16Array, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    harness.microphone.hear(sound);
    await harness.clock.advanceAsync(60);
  }
}

async function speaking(): Promise<DeviceHarness> {
  const harness = await DeviceHarness.listening(bargeIn);
  harness.tts('start');
  harness.sendAudio(answerPackets(3_000));
  // The first second of an answer is when the echo is learned.
  await hear(harness, silence, 20);
  harness.trace.length = 0;
  harness.events.length = 0;
  return harness;
}

it('a voice stops the answer within 150 ms of being recognised, and is heard on without a new start', async () => {
  const harness = await speaking();
  const heardMs = harness.loudspeaker.heardMs() - harness.loudspeaker.pendingMs();
  await hear(harness, voice, 5);
  expect(harness.trace).toEqual(['> audio', '> {"session_id":"S","type":"abort"}', '> audio']);
  expect(harness.status).toBe('listening');
  expect(harness.loudspeaker.pendingMs()).toBe(0);
  // 200 ms of voice make sure that it is one.
  expect(harness.loudspeaker.heardMs() - heardMs).toBeLessThanOrEqual(240 + 150);
  expect(harness.eventsOf('speech')).toEqual([{ type: 'speech', phase: 'started' }]);
});

it.each([
  ['a noise of 120 ms', voice, 2],
  ['a murmur that may be its own echo', murmur, 20],
])('%s stops nothing', async (_, sound, times) => {
  const harness = await speaking();
  await hear(harness, sound, times);
  await hear(harness, silence, 5);
  expect(harness.status).toBe('speaking');
  expect(harness.eventsOf('speech')).toEqual([]);
});

it('what is still coming of the interrupted answer is not heard', async () => {
  const harness = await speaking();
  await hear(harness, voice, 5);
  harness.sendAudio(answerPackets(600));
  harness.tts('stop');
  await hear(harness, silence, 20);
  expect(harness.loudspeaker.pendingMs()).toBe(0);
  expect(harness.status).toBe('listening');
});

it('edges of a voice are told while somebody listens, one pair for each', async () => {
  const harness = await DeviceHarness.listening({ voiceDetector: byLoudness });
  await hear(harness, voice, 5);
  await hear(harness, silence, 20);
  await hear(harness, voice, 5);
  harness.device.send({ type: 'talk.toggled' });
  expect(harness.eventsOf('speech').map(({ phase }) => phase)).toEqual([
    'started',
    'ended',
    'started',
    'ended',
  ]);
});

it('in manual mode silence ends the turn where that is wanted', async () => {
  const harness = await DeviceHarness.listening({
    mode: 'manual',
    voiceDetector: byLoudness,
    settings: { localEndpointing: true },
  });
  await hear(harness, voice, 5);
  await hear(harness, silence, 18);
  expect(harness.trace.at(-1)).toBe('> {"session_id":"S","type":"listen","state":"stop"}');
  expect(harness.status).toBe('thinking');
});

it('the wake word is listened for while idle, and nothing of that is sent when a key begins the conversation', async () => {
  const harness = await DeviceHarness.idle({ wakeWord: 'uploaded' });
  await harness.pass(3_000);
  expect([harness.microphone.open, harness.wakeWord.heardMs]).toEqual([true, 3_000]);
  harness.device.send({ type: 'talk.toggled' });
  await harness.pass(120);
  await harness.greet();
  expect(harness.far.sent.filter((sent) => typeof sent !== 'string')).toHaveLength(2);
  expect(harness.wakeWord.heardMs).toBe(3_000);
});

it('the detector is disarmed by a detection and armed anew by idle (F51), and closed in the end', async () => {
  const harness = await DeviceHarness.idle({ wakeWord: 'uploaded' });
  harness.wakeWord.expect('小智');
  await harness.pass(60);
  await harness.greet();
  const before = harness.wakeWord.heardMs;
  harness.wakeWord.expect('小智');
  await harness.pass(600);
  expect([harness.wakeWord.heardMs, harness.eventsOf('wake').length]).toEqual([before, 1]);
  harness.device.send({ type: 'talk.toggled' });
  await harness.pass(60);
  expect([harness.eventsOf('wake').length, harness.wakeWord.resets]).toEqual([2, 2]);
  await harness.device.stop();
  expect([harness.wakeWord.closed, harness.microphone.open]).toEqual([true, false]);
});

it('a verdict that comes too late counts for nothing', async () => {
  const harness = await DeviceHarness.idle({ wakeWord: 'uploaded' });
  harness.device.send({ type: 'talk.toggled' });
  await harness.pass(60);
  harness.wakeWord.say('小智');
  await harness.greet();
  expect([harness.eventsOf('wake'), harness.trace.length]).toEqual([[], 2]);
});

it('on an open channel no more than 33 packets go ahead of the wake word (F50)', async () => {
  const harness = await DeviceHarness.idle({ wakeWord: 'uploaded' });
  harness.device.send({ type: 'text.submitted', text: '你好' });
  await harness.greet();
  await harness.answer();
  await harness.pass(5_000);
  harness.far.sent.length = 0;
  harness.wakeWord.expect('小智');
  await harness.pass(60);
  expect(harness.far.sent.findIndex((sent) => typeof sent === 'string')).toBe(33);
});

it('without a detector the microphone is closed while idle', async () => {
  const harness = await DeviceHarness.idle();
  await harness.pass(600);
  expect(harness.microphone.open).toBe(false);
});

it('an answer that must not be interrupted is softer while the person speaks', async () => {
  const harness = await DeviceHarness.listening({ ...bargeIn, settings: { voiceOverAnswer: 'softens' } });
  harness.tts('start');
  harness.sendAudio(answerPackets(6_000));
  await hear(harness, silence, 20);
  const before = levelDbfs(harness.loudspeaker.heard().slice(-4_800));
  await hear(harness, voice, 20);
  const during = levelDbfs(harness.loudspeaker.heard().slice(-4_800));
  await hear(harness, silence, 30);
  const after = levelDbfs(harness.loudspeaker.heard().slice(-4_800));
  expect(harness.status).toBe('speaking');
  expect(before - during).toBeCloseTo(12, 0);
  expect(after).toBeCloseTo(before, 0);
});
