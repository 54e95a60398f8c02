import { expect, it } from 'vitest';
import { answerPackets, DeviceHarness } from '../support/device-harness.ts';

// The conversations of firmware.md B.9, as literal sequences on the wire. `>` is the device.

it('auto: the server decides when the person has finished, and listening begins anew after the answer (B70)', async () => {
  const harness = await DeviceHarness.idle();
  harness.device.send({ type: 'talk.toggled' });
  await harness.pass(120);
  expect(harness.trace).toEqual([]);
  await harness.greet();
  await harness.pass(600);
  harness.say({ type: 'stt', text: '你好' });
  await harness.pass(120);
  harness.tts('start');
  harness.say({ type: 'llm', emotion: 'happy' });
  harness.say({ type: 'tts', state: 'sentence_start', text: '你好呀' });
  harness.sendAudio(answerPackets(600));
  await harness.pass(300);
  harness.tts('stop');
  await harness.pass(240);
  expect(harness.status).toBe('speaking');
  await harness.pass(180);
  expect(harness.trace).toEqual([
    '> {"session_id":"S","type":"listen","state":"start","mode":"auto"}',
    '> audio',
    '< {"type":"stt","text":"你好"}',
    '> audio',
    '< {"type":"tts","state":"start"}',
    '< {"type":"llm","emotion":"happy"}',
    '< {"type":"tts","state":"sentence_start","text":"你好呀"}',
    '< audio',
    '< {"type":"tts","state":"stop"}',
    '> {"session_id":"S","type":"listen","state":"start","mode":"auto"}',
    '> audio',
  ]);
  expect(harness.loudspeaker.heardMs()).toBe(600);
  expect(harness.eventsOf('turn')).toEqual([
    { type: 'turn', n: 1, phase: 'started' },
    { type: 'turn', n: 1, phase: 'finished' },
    { type: 'turn', n: 2, phase: 'started' },
  ]);
});

it('push to talk: listen/stop on release, and the channel stays for the next press (B71)', async () => {
  const harness = await DeviceHarness.idle({ mode: 'manual' });
  harness.device.send({ type: 'talk.pressed' });
  await harness.greet();
  await harness.pass(600);
  harness.device.send({ type: 'talk.released' });
  await harness.pass(180);
  harness.say({ type: 'stt', text: '你好' });
  await harness.answer(300);
  expect(harness.status).toBe('idle');
  harness.device.send({ type: 'talk.pressed' });
  await harness.pass(120);
  expect(harness.trace).toEqual([
    '> {"session_id":"S","type":"listen","state":"start","mode":"manual"}',
    '> audio',
    '> {"session_id":"S","type":"listen","state":"stop"}',
    '< {"type":"stt","text":"你好"}',
    '< {"type":"tts","state":"start"}',
    '< audio',
    '< {"type":"tts","state":"stop"}',
    '> {"session_id":"S","type":"listen","state":"start","mode":"manual"}',
    '> audio',
  ]);
  expect(harness.transports.made).toHaveLength(1);
});

it('wake word: two seconds with it, then the word, then listen/start (B72, F50)', async () => {
  const harness = await DeviceHarness.idle({ wakeWord: 'uploaded' });
  await harness.pass(5_000);
  harness.wakeWord.expect('你好小智');
  await harness.pass(60);
  await harness.greet();
  await harness.pass(120);
  expect(harness.trace).toEqual([
    '> audio',
    '> {"session_id":"S","type":"listen","state":"detect","text":"你好小智"}',
    '> {"session_id":"S","type":"listen","state":"start","mode":"auto"}',
    '> audio',
  ]);
  const packetsAhead = harness.far.sent.findIndex((sent) => typeof sent === 'string');
  expect(packetsAhead).toBe(33);
  expect(harness.eventsOf('wake')).toEqual([{ type: 'wake', phrase: '你好小智' }]);
});

it('wake word whose sound stays here: a conversation without its sound and without detect (B24)', async () => {
  const harness = await DeviceHarness.idle({ wakeWord: 'unsent' });
  await harness.pass(1_000);
  harness.wakeWord.expect('你好小智');
  await harness.pass(60);
  await harness.greet();
  await harness.pass(60);
  expect(harness.trace).toEqual([
    '> {"session_id":"S","type":"listen","state":"start","mode":"auto"}',
    '> audio',
  ]);
  expect(harness.far.sent.filter((sent) => typeof sent !== 'string')).toHaveLength(1);
});

it('wake word over an answer: abort, silence, and listening (B73)', async () => {
  const harness = await DeviceHarness.listening({ wakeWord: 'uploaded' });
  harness.tts('start');
  harness.sendAudio(answerPackets(3_000));
  await harness.pass(240);
  harness.trace.length = 0;
  harness.wakeWord.expect('你好小智');
  await harness.pass(180);
  harness.tts('stop');
  await harness.pass(120);
  expect(harness.trace).toEqual([
    '> {"session_id":"S","type":"abort","reason":"wake_word_detected"}',
    '> {"session_id":"S","type":"listen","state":"start","mode":"auto"}',
    '> audio',
    '< {"type":"tts","state":"stop"}',
    '> audio',
  ]);
  expect(harness.loudspeaker.heardMs()).toBe(240);
  expect(harness.status).toBe('listening');
});

it('realtime: one listen/start, sound goes up through the answer, tts stop sends nothing (B74)', async () => {
  const harness = await DeviceHarness.idle({ mode: 'realtime' });
  harness.device.send({ type: 'talk.toggled' });
  await harness.greet();
  await harness.pass(120);
  harness.tts('start');
  await harness.pass(120);
  harness.sendAudio(answerPackets(300));
  await harness.pass(120);
  harness.tts('stop');
  await harness.pass(600);
  expect(harness.trace).toEqual([
    '> {"session_id":"S","type":"listen","state":"start","mode":"realtime"}',
    '> audio',
    '< {"type":"tts","state":"start"}',
    '> audio',
    '< audio',
    '> audio',
    '< {"type":"tts","state":"stop"}',
    '> audio',
  ]);
  expect(harness.status).toBe('listening');
});
