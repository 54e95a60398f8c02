import { describe, expect, it } from 'vitest';
import { ErrorCode } from '../../src/core/errors.ts';
import { answerPackets, DeviceHarness } from '../support/device-harness.ts';
import { bestCorrelation, tone, toneLevelDb } from '../support/signals.ts';

describe('sound of the person', () => {
  it('leaves the device only while it listens', async () => {
    const harness = await DeviceHarness.idle();
    const sentIn: Record<string, number> = {};
    let before = 0;
    const note = async (ms: number) => {
      await harness.pass(ms);
      const sent = harness.device.counters.uplink.sent;
      sentIn[harness.status] = (sentIn[harness.status] ?? 0) + sent - before;
      before = sent;
    };
    await note(600);
    harness.device.send({ type: 'talk.toggled' });
    await note(600);
    await harness.greet();
    before = harness.device.counters.uplink.sent;
    await note(600);
    harness.tts('start');
    harness.sendAudio(answerPackets(600));
    await note(300);
    expect(sentIn).toEqual({ idle: 0, connecting: 0, listening: 10, speaking: 0 });
  });

  it('spoken while the channel opens is sent when it is open, after listen/start', async () => {
    const harness = await DeviceHarness.idle();
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(600);
    await harness.greet();
    expect(
      harness.far.sent.map((sent) => (typeof sent === 'string' ? JSON.parse(sent).state : 'frame')),
    ).toEqual(['start', ...Array(10).fill('frame')]);
  });

  it('spoken longer ago than the pre-roll is forgotten, oldest first', async () => {
    const harness = await DeviceHarness.idle();
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(6_000);
    await harness.greet();
    const { captured, sent, dropped } = harness.device.counters.uplink;
    expect({ captured, sent, dropped }).toEqual({ captured: 100, sent: 33, dropped: 67 });
  });

  it('is dropped, and counted, while the network takes nothing', async () => {
    const harness = await DeviceHarness.listening();
    harness.far.backedUp = true;
    await harness.pass(600);
    harness.far.backedUp = false;
    await harness.pass(600);
    const { sent, dropped } = harness.device.counters.uplink;
    expect([sent, dropped, harness.status]).toEqual([10, 10, 'listening']);
  });
});

describe('an answer', () => {
  it('is heard from its first frame, which comes right behind tts start', async () => {
    const harness = await DeviceHarness.listening();
    harness.tts('start');
    harness.sendAudio(answerPackets(60));
    harness.tts('stop');
    await harness.pass(240);
    expect(harness.device.counters.downlink).toMatchObject({ received: 1, played: 1, dropped: 0 });
    expect(harness.loudspeaker.heardMs()).toBe(60);
    expect(harness.status).toBe('listening');
  });

  it('sounds like what the server sent', async () => {
    const harness = await DeviceHarness.listening();
    await harness.answer(1_200);
    const heard = harness.loudspeaker.heard();
    expect(harness.loudspeaker.heardMs()).toBe(1_200);
    expect(toneLevelDb(heard, 440, 24_000)).toBeGreaterThan(-9);
    expect(bestCorrelation(heard, tone(440, 24_000, 300).slice(2_400, 4_800))).toBeGreaterThan(0.95);
  });

  // The machine's drainTimeout of 10 s is shorter than what the downlink keeps (a minute): it listens into its own voice.
  it('that arrives all at once is played to its end before the device listens', async () => {
    const harness = await DeviceHarness.listening();
    harness.tts('start');
    harness.sendAudio(answerPackets(30_000));
    harness.tts('stop');
    await harness.pass(29_940);
    expect(harness.status).toBe('speaking');
    await harness.pass(240);
    expect([harness.loudspeaker.heardMs(), harness.status]).toEqual([30_000, 'listening']);
  });

  it('without sound is over at once', async () => {
    const harness = await DeviceHarness.listening();
    harness.tts('start');
    harness.tts('stop');
    await harness.pass(0);
    expect(harness.status).toBe('listening');
  });

  it('is silenced at once by the person, and the server is told', async () => {
    const harness = await DeviceHarness.listening();
    harness.tts('start');
    harness.sendAudio(answerPackets(3_000));
    await harness.pass(600);
    harness.trace.length = 0;
    harness.device.send({ type: 'talk.toggled' });
    expect(harness.loudspeaker.pendingMs()).toBe(0);
    harness.sendAudio(answerPackets(600));
    harness.tts('stop');
    await harness.pass(600);
    expect(harness.loudspeaker.heardMs()).toBe(600);
    expect(harness.trace.slice(0, 2)).toEqual([
      '> {"session_id":"S","type":"abort"}',
      '> {"session_id":"S","type":"listen","state":"start","mode":"auto"}',
    ]);
    expect(harness.eventsOf('playback').map(({ phase }) => phase)).toEqual(['started', 'flushed']);
    expect(harness.eventsOf('turn').map(({ phase }) => phase)).toEqual(['started']);
  });

  it('may end twice', async () => {
    const harness = await DeviceHarness.listening();
    await harness.answer(300);
    harness.trace.length = 0;
    harness.tts('stop');
    await harness.pass(420);
    harness.tts('stop');
    await harness.pass(120);
    expect(harness.trace).toEqual([
      '< {"type":"tts","state":"stop"}',
      '> audio',
      '< {"type":"tts","state":"stop"}',
      '> audio',
    ]);
    expect([harness.status, harness.errors]).toEqual(['listening', []]);
  });

  it('that never ends is given up after a while, and the device listens again', async () => {
    const harness = await DeviceHarness.listening();
    harness.tts('start');
    harness.sendAudio(answerPackets(300));
    await harness.pass(19_980);
    expect(harness.status).toBe('speaking');
    await harness.pass(1_000);
    expect([harness.status, harness.errors]).toEqual(['listening', [ErrorCode.replyTimeout]]);
    expect(harness.loudspeaker.heardMs()).toBe(300);
  });

  it('that follows another without a pause between is played behind it', async () => {
    const harness = await DeviceHarness.listening();
    harness.tts('start');
    harness.sendAudio(answerPackets(600));
    harness.tts('stop');
    await harness.pass(120);
    harness.tts('start');
    harness.sendAudio(answerPackets(600));
    harness.tts('stop');
    await harness.pass(1_500);
    expect([harness.loudspeaker.heardMs(), harness.status]).toEqual([1_200, 'listening']);
  });

  it('may begin without being asked for', async () => {
    const harness = await DeviceHarness.listening({ mode: 'manual' });
    harness.device.send({ type: 'talk.released' });
    await harness.pass(300);
    await harness.answer(300);
    expect(harness.status).toBe('idle');
    await harness.answer(300);
    expect([harness.status, harness.loudspeaker.heardMs()]).toEqual(['idle', 600]);
  });

  it('whose last words are followed by the server’s good-bye is heard to its end', async () => {
    const harness = await DeviceHarness.listening();
    harness.tts('start');
    harness.sendAudio(answerPackets(1_200));
    await harness.pass(120);
    harness.tts('stop');
    harness.far.hangUp();
    await harness.pass(1_320);
    expect([harness.status, harness.loudspeaker.heardMs(), harness.errors]).toEqual(['idle', 1_200, []]);
    expect(harness.loudspeaker.open).toBe(false);
    expect(harness.eventsOf('turn').map(({ phase }) => phase)).toEqual(['finished']);
  });

  it.each([
    ['the channel is closed', (harness: DeviceHarness) => harness.far.hangUp()],
    ['the connection is lost', (harness: DeviceHarness) => harness.far.fail()],
  ])('is no answer, and the turn not finished, when %s before any sound of it', async (_what, end) => {
    const harness = await DeviceHarness.listening();
    harness.say({ type: 'stt', text: '退出' });
    harness.tts('start');
    end(harness);
    await harness.pass(540);
    expect(harness.eventsOf('turn').filter(({ phase }) => phase === 'finished')).toEqual([]);
  });

  it('is finished when the channel is closed while its first sound waits to be played', async () => {
    const harness = await DeviceHarness.listening();
    harness.tts('start');
    harness.sendAudio(answerPackets(120));
    harness.far.hangUp();
    await harness.pass(540);
    expect(harness.eventsOf('turn').filter(({ phase }) => phase === 'finished')).toHaveLength(1);
    expect([harness.status, harness.loudspeaker.heardMs()]).toEqual(['idle', 120]);
  });
});

describe('a question', () => {
  it('of text is sent when the channel is open, once, and its answer heard', async () => {
    const harness = await DeviceHarness.idle();
    harness.device.send({ type: 'text.submitted', text: '几点了?' });
    await harness.greet();
    await harness.pass(240);
    await harness.answer(300);
    // One silent frame behind it: a real server is deaf for two seconds from the next frame on.
    expect(harness.trace.filter((line) => line.startsWith('>'))).toEqual([
      '> {"session_id":"S","type":"listen","state":"detect","text":"几点了?"}',
      '> audio',
    ]);
    expect(harness.far.sent).toHaveLength(2);
    expect([harness.status, harness.loudspeaker.heardMs()]).toEqual(['idle', 300]);
  });

  it('that is not answered ends in a report', async () => {
    const harness = await DeviceHarness.idle();
    harness.device.send({ type: 'text.submitted', text: '几点了?' });
    await harness.greet();
    await harness.pass(20_280);
    expect([harness.status, harness.errors]).toEqual(['idle', [ErrorCode.replyTimeout]]);
  });
});

describe('a lost connection', () => {
  const loseIt = async (harness: DeviceHarness) => {
    harness.far.fail();
    await harness.pass(0);
  };
  /** How long the device waits before it opens the next channel. */
  const waitedMs = async (harness: DeviceHarness) => {
    const made = harness.transports.made.length;
    const startMs = harness.clock.now();
    while (harness.transports.made.length === made && harness.clock.now() - startMs < 120_000)
      await harness.pass(20);
    await harness.pass(0);
    return harness.clock.now() - startMs;
  };

  it('is come back to after 1, 2, 4 … s, and given up at last', async () => {
    const harness = await DeviceHarness.listening({ settings: { resumeWithinMs: 60_000 } });
    const waits: number[] = [];
    for (let attempt = 0; attempt < 5; attempt++) {
      await loseIt(harness);
      expect(harness.status).toBe('recovering');
      waits.push(await waitedMs(harness));
    }
    await loseIt(harness);
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000]);
    expect(harness.status).toBe('idle');
  });

  it('is come back to as quickly as at first after a healthy minute', async () => {
    const harness = await DeviceHarness.listening({ settings: { resumeWithinMs: 60_000 } });
    for (let attempt = 0; attempt < 3; attempt++) {
      await loseIt(harness);
      await waitedMs(harness);
    }
    await harness.greet();
    await harness.pass(60_000);
    await loseIt(harness);
    expect(await waitedMs(harness)).toBe(1_000);
  });

  it('goes on as a conversation when the server is back', async () => {
    const harness = await DeviceHarness.listening();
    await loseIt(harness);
    await waitedMs(harness);
    await harness.greet('S2');
    expect(harness.status).toBe('recovering');
    await harness.pass(360);
    // A short sound says that it listens again.
    const resumedMs = harness.loudspeaker.heardMs();
    expect(resumedMs).toBeGreaterThan(0);
    await harness.answer(300);
    expect([harness.status, harness.loudspeaker.heardMs() - resumedMs]).toEqual(['listening', 300]);
    expect(harness.trace).toContain('> {"session_id":"S2","type":"listen","state":"start","mode":"auto"}');
    expect(harness.errors).toEqual([ErrorCode.transportClosed]);
  });

  it('is noticed when a message cannot be sent', async () => {
    const harness = await DeviceHarness.listening();
    harness.tts('start');
    harness.far.deaf = true;
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(0);
    expect([harness.status, harness.errors]).toEqual(['recovering', [ErrorCode.transportSendFailed]]);
  });

  it('asks a text again that was not answered', async () => {
    const harness = await DeviceHarness.idle();
    harness.device.send({ type: 'text.submitted', text: 'hi' });
    await harness.greet();
    await harness.pass(240);
    await loseIt(harness);
    await waitedMs(harness);
    await harness.greet('S2');
    await harness.pass(240);
    expect(harness.trace).toEqual([
      '> {"session_id":"S","type":"listen","state":"detect","text":"hi"}',
      '> audio',
      '> {"session_id":"S2","type":"listen","state":"detect","text":"hi"}',
      '> audio',
    ]);
  });

  it('that nobody used is nobody’s concern', async () => {
    const harness = await DeviceHarness.idle({ mode: 'manual' });
    harness.device.send({ type: 'text.submitted', text: 'hi' });
    await harness.greet();
    await harness.answer(60);
    harness.far.fail();
    await harness.pass(5_000);
    expect([harness.status, harness.errors, harness.transports.made.length]).toEqual(['idle', [], 1]);
  });
});

describe('a channel that was replaced', () => {
  it('disturbs nobody, whatever still comes of it', async () => {
    const harness = await DeviceHarness.listening();
    const old = harness.far;
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(0);
    expect([harness.status, old.left]).toEqual(['idle', true]);
    harness.device.send({ type: 'talk.toggled' });
    await harness.greet('S2');
    harness.events.length = 0;
    old.send({ type: 'tts', state: 'start' });
    old.sendAudioDown(answerPackets(60)[0] as Uint8Array);
    old.fail();
    await harness.pass(0);
    expect([harness.status, harness.events, harness.device.counters.downlink.received]).toEqual([
      'listening',
      [],
      0,
    ]);
  });

  it('is the only way to hang up while connecting', async () => {
    const harness = await DeviceHarness.idle();
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(0);
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(0);
    expect([harness.status, harness.far.left, harness.microphone.open, harness.errors]).toEqual([
      'idle',
      true,
      false,
      [],
    ]);
  });
});

describe('what a server tells people', () => {
  const alert = { type: 'alert', status: '警告', message: '电量低', emotion: 'sad' } as const;

  it.each(['connecting', 'listening', 'speaking'])('is shown while %s', async (status) => {
    const harness = await DeviceHarness.idle();
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(0);
    if (status !== 'connecting') await harness.greet();
    if (status === 'speaking') harness.tts('start');
    expect(harness.status).toBe(status);
    harness.say(alert);
    expect(harness.eventsOf('alert')).toEqual([alert]);
    expect(harness.status).toBe(status);
  });

  it('is shown in the order of the wire, but not the tool calls it dresses up as speech', async () => {
    const harness = await DeviceHarness.listening();
    harness.say({ type: 'stt', text: '开灯' });
    harness.tts('start');
    harness.say({ type: 'stt', text: '% light_on' });
    harness.say({ type: 'llm', emotion: 'happy', text: '🙂' });
    harness.say({ type: 'tts', state: 'sentence_start', text: '好的' });
    harness.say({ type: 'tts', state: 'sentence_end', text: '好的' });
    expect(harness.events.filter(({ type }) => type === 'stt' || type === 'llm' || type === 'tts')).toEqual([
      { type: 'stt', text: '开灯' },
      { type: 'tts', state: 'start' },
      { type: 'llm', emotion: 'happy', text: '🙂' },
      { type: 'tts', state: 'sentence', text: '好的' },
    ]);
  });

  it('is cut when it is as long as a book', async () => {
    const harness = await DeviceHarness.listening();
    harness.say({ type: 'stt', text: '长'.repeat(900_000) });
    expect(harness.eventsOf('stt')).toEqual([{ type: 'stt', text: `${'长'.repeat(4_000)}…` }]);
  });

  it('for its tools goes to the tools, in any state', async () => {
    const harness = await DeviceHarness.idle();
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(0);
    harness.say({ type: 'mcp', payload: { id: 1 } });
    await harness.greet();
    harness.say({ type: 'mcp', payload: { id: 2 } });
    expect(harness.mcp).toEqual([{ id: 1 }, { id: 2 }]);
  });
});

describe('tools that come and go', () => {
  const answerToText = async (harness: DeviceHarness) => {
    harness.device.send({ type: 'text.submitted', text: 'hi' });
    await harness.answer(300);
  };

  it('are told at once, and a server that does not read them again is left when nobody talks', async () => {
    const harness = await DeviceHarness.listening({ mode: 'manual' });
    harness.toolListIsOutdated = true;
    harness.device.toolsChanged();
    await harness.pass(6_000);
    expect([harness.mcp, harness.far.left]).toEqual([[{ method: 'announced' }], false]);
    await answerToText(harness);
    expect([harness.status, harness.far.left]).toEqual(['idle', false]);
    await harness.pass(900);
    expect([harness.status, harness.far.left, harness.errors]).toEqual(['idle', true, []]);
  });

  it('do not end the session of a server that has read them again', async () => {
    const harness = await DeviceHarness.listening({ mode: 'manual' });
    harness.device.toolsChanged();
    await answerToText(harness);
    await harness.pass(6_000);
    expect([harness.status, harness.far.left]).toEqual(['idle', false]);
  });
});

describe('a microphone', () => {
  it('that fails in the middle of a word ends the conversation with a report, and is tried again next time', async () => {
    const harness = await DeviceHarness.listening();
    await harness.pass(90);
    harness.microphone.break();
    await harness.pass(0);
    expect([harness.status, harness.errors, harness.far.left]).toEqual([
      'idle',
      [ErrorCode.audioDeviceLost],
      true,
    ]);
    harness.device.send({ type: 'talk.toggled' });
    await harness.greet();
    await harness.pass(600);
    expect([harness.status, harness.device.counters.uplink.sent]).toEqual(['listening', 11]);
  });

  it('that is missing is reported, and the device is idle again', async () => {
    const harness = await DeviceHarness.idle();
    harness.microphone.missing = true;
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(0);
    expect([harness.status, harness.errors]).toEqual(['idle', [ErrorCode.audioDeviceMissing]]);
  });

  it('is closed when the conversation is', async () => {
    const harness = await DeviceHarness.listening();
    expect(harness.microphone.open).toBe(true);
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(0);
    expect([harness.microphone.open, harness.loudspeaker.open]).toEqual([false, false]);
  });
});

describe('a loudspeaker', () => {
  it('that fails in the middle of an answer does not make the device deaf', async () => {
    const harness = await DeviceHarness.listening();
    harness.tts('start');
    harness.sendAudio(answerPackets(1_200));
    await harness.pass(300);
    harness.loudspeaker.break();
    harness.tts('stop');
    await harness.pass(120);
    expect([harness.status, harness.errors]).toEqual(['listening', [ErrorCode.audioDeviceLost]]);
    await harness.answer(300);
    expect(harness.status).toBe('listening');
  });

  it('that was lost is opened anew in the next conversation', async () => {
    const harness = await DeviceHarness.listening();
    harness.loudspeaker.break();
    harness.device.send({ type: 'talk.toggled' });
    await harness.pass(0);
    harness.device.send({ type: 'talk.toggled' });
    await harness.greet();
    await harness.answer(300);
    expect([harness.loudspeaker.heardMs(), harness.status]).toEqual([300, 'listening']);
  });

  it('that is missing is reported, and the conversation goes on without sound', async () => {
    const harness = await DeviceHarness.idle();
    harness.loudspeaker.missing = true;
    harness.device.send({ type: 'talk.toggled' });
    await harness.greet();
    await harness.answer(300);
    expect([harness.status, harness.errors]).toEqual(['listening', [ErrorCode.audioDeviceMissing]]);
  });
});

describe('the device', () => {
  it('ends when the server asks for a restart', async () => {
    const harness = await DeviceHarness.listening();
    harness.say({ type: 'system', command: 'reboot' });
    await harness.pass(1_020);
    expect(await harness.device.ended).toBe('restart');
    expect([harness.far.left, harness.microphone.open, harness.loudspeaker.open]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it.each(['idle', 'connecting', 'listening', 'speaking', 'recovering'])(
    'stopped while %s leaves nothing open',
    async (status) => {
      const harness = await DeviceHarness.idle();
      if (status !== 'idle') harness.device.send({ type: 'talk.toggled' });
      await harness.pass(0);
      if (status !== 'idle' && status !== 'connecting') await harness.greet();
      if (status === 'speaking') {
        harness.tts('start');
        harness.sendAudio(answerPackets(600));
      }
      if (status === 'recovering') harness.far.fail();
      await harness.pass(60);
      expect(harness.status).toBe(status);
      await harness.device.stop();
      expect(await harness.device.ended).toBe('stopped');
      expect(harness.clock.pendingTimers).toBe(0);
      expect([harness.microphone.open, harness.loudspeaker.open]).toEqual([false, false]);
      expect(harness.transports.made.every(({ left }) => left)).toBe(true);
      harness.device.send({ type: 'talk.toggled' });
      await harness.pass(60);
      expect(harness.transports.made.length).toBe(status === 'idle' ? 0 : 1);
      expect(harness.events.at(-1)?.type).toBe('audio');
    },
  );

  it('tells its counters every 10 s', async () => {
    const harness = await DeviceHarness.idle();
    await harness.pass(30_000);
    expect(harness.eventsOf('audio')).toHaveLength(3);
  });

  it('keeps quiet when muted, and counts the answer as heard', async () => {
    const harness = await DeviceHarness.listening({ muted: true });
    await harness.answer(300);
    expect([harness.loudspeaker.heardMs(), Math.max(...harness.loudspeaker.heard())]).toEqual([300, 0]);
    harness.device.setMuted(false);
    await harness.answer(300);
    expect(Math.max(...harness.loudspeaker.heard())).toBeGreaterThan(8_000);
  });
});
