import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { readWavFile } from '../../src/adapters/audio/wav-file.ts';
import { createResampler } from '../../src/audio/resampler.ts';
import {
  buildProgram,
  cleanUpPrograms,
  fixture,
  freshHome,
  type Program,
  startProgram,
} from '../support/program.ts';
import { sentenceMs, startRealServer } from '../support/real-server.ts';
import type { ScriptedServer } from '../support/scripted-server.ts';
import { bestCorrelation, toneLevelDb } from '../support/signals.ts';

let server: ScriptedServer;
beforeAll(async () => {
  await buildProgram();
  server = await startRealServer();
});
afterAll(async () => {
  cleanUpPrograms();
  await server.stop();
});

interface Asked {
  readonly program: Program;
  readonly heard: Int16Array;
  readonly code: number | NodeJS.Signals;
  /** Events worth a story, without the fields that differ from run to run. */
  readonly story: string[];
}

/** Runs a device to its end, with a file as loudspeaker. */
async function run(...args: string[]): Promise<Asked> {
  const home = freshHome();
  const out = join(home, 'out.wav');
  const program = startProgram(
    [
      '--speaker',
      `wav:${out}`,
      '--events',
      '-',
      '--timeout',
      '40',
      '--set',
      'audio.volumePercent=100',
      ...args,
    ],
    { home },
  );
  const code = await program.exited;
  const { pcm } = await readWavFile(out).catch(() => ({ pcm: new Int16Array() }));
  const story = program.events.flatMap((event) => {
    if (event.type === 'state') return [`${event.to}`];
    if (event.type === 'turn') return [`turn ${event.n} ${event.phase}`];
    if (event.type === 'error') return [`error ${event.code}`];
    return [];
  });
  return { program, heard: pcm, code, story };
}

/** 20 ms at 24 kHz. */
const blockSamples = 480;
const lengthMs = (pcm: Int16Array) => Math.round(pcm.length / 24);

describe.concurrent('a conversation with the embedded server', { timeout: 60_000 }, () => {
  it('of two spoken turns ends with both answers heard complete', async ({ expect }) => {
    const { program, heard, code, story } = await run(
      '--mic',
      `wav:${fixture('speech-two-turns.wav')}`,
      '--turns',
      '2',
    );
    expect([code, program.stderr.match(/"level":"(warn|error)".*/g)]).toEqual([0, null]);
    expect(story.slice(0, 12)).toEqual([
      'idle',
      'connecting',
      'listening',
      'turn 1 started',
      'thinking',
      'speaking',
      'turn 1 finished',
      'listening',
      'turn 2 started',
      'thinking',
      'speaking',
      'turn 2 finished',
    ]);
    expect(program.eventsOf('stt')).toHaveLength(2);
    // Each answer repeats what was said: every bit of both utterances is found in what was heard, in order.
    const spoken = await readWavFile(fixture('speech-two-turns.wav'));
    const utterances = utterancesOf(createResampler(spoken.sampleRateHz, 24_000).push(spoken.pcm));
    expect(utterances).toHaveLength(2);
    for (const utterance of utterances) {
      for (const third of [0, 1, 2]) {
        const part = loudest(
          utterance.slice((third * utterance.length) / 3, ((third + 1) * utterance.length) / 3),
        );
        expect(bestCorrelation(heard, part, 2)).toBeGreaterThan(0.75);
      }
    }
    expect(lengthMs(heard)).toBeGreaterThan(utterances.reduce((sum, one) => sum + lengthMs(one), 0));
  });

  it('of text gives as many turns as texts', async ({ expect }) => {
    const { heard, code, story, program } = await run(
      '--mic',
      'null',
      '--say',
      'one',
      '--say',
      '二',
      '--turns',
      '2',
    );
    expect([code, story]).toEqual([
      0,
      [
        'idle',
        'connecting',
        'thinking',
        'turn 1 started',
        'speaking',
        'turn 1 finished',
        'idle',
        'thinking',
        'turn 2 started',
        'speaking',
        'turn 2 finished',
        'idle',
      ],
    ]);
    expect(program.eventsOf('stt').map(({ text }) => text)).toEqual(['one', '二']);
    expect(
      program
        .eventsOf('tts')
        .filter(({ state }) => state === 'sentence')
        .map(({ text }) => text),
    ).toEqual(['You wrote: one', '你写的是：二']);
    expect(lengthMs(heard)).toBeGreaterThan(1_000);
  });

  it('in manual mode ends the question when the voice ends', async ({ expect }) => {
    const { code, story, heard } = await run(
      '--mic',
      `wav:${fixture('speech-short.wav')}`,
      '--mode',
      'manual',
      '--turns',
      '1',
    );
    expect([code, story]).toEqual([
      0,
      [
        'idle',
        'connecting',
        'listening',
        'turn 1 started',
        'thinking',
        'speaking',
        'turn 1 finished',
        'idle',
      ],
    ]);
    expect(lengthMs(heard)).toBeGreaterThan(1_000);
  });

  it('in realtime mode goes on listening while it speaks', async ({ expect }) => {
    const { code, program } = await run(
      '--mic',
      `wav:${fixture('speech-short.wav')}`,
      '--mode',
      'realtime',
      '--turns',
      '1',
    );
    expect(code).toBe(0);
    const { uplink } = program.eventsOf('audio').at(-1) as unknown as {
      uplink: { captured: number; sent: number };
    };
    // All that was captured was sent, but for what came before the connection.
    expect(uplink.captured - uplink.sent).toBeLessThanOrEqual(2);
  });
});

describe.concurrent('a conversation with a server that behaves like the common one', {
  timeout: 60_000,
}, () => {
  it('of two spoken turns is heard complete, tool calls are not', async ({ expect }) => {
    const { heard, code, program, story } = await run(
      '--server',
      server.url,
      '--mic',
      `wav:${fixture('speech-two-turns.wav')}`,
      '--turns',
      '2',
    );
    expect(code).toBe(0);
    expect(story.filter((line) => line.startsWith('error'))).toEqual([]);
    expect(program.eventsOf('stt').map(({ text }) => text)).toEqual(['你好', '你好']);
    expect(program.eventsOf('tts').map(({ state, text }) => text ?? state)).toEqual(
      Array(2).fill(['start', '今天晴天，', '再见。', 'stop']).flat(),
    );
    expectSentences(expect, heard, 4);
    expect(program.eventsOf('audio').at(-1)).toMatchObject({
      downlink: { received: 40, decoded: 40, played: 40, dropped: 0 },
    });
  });

  it('that hangs up after its good-bye is heard to the end', async ({ expect }) => {
    const { heard, code, story } = await run(
      '--server',
      server.url,
      '--mic',
      'null',
      '--say',
      '再见',
      '--turns',
      '1',
    );
    expect([code, story]).toEqual([
      0,
      ['idle', 'connecting', 'thinking', 'turn 1 started', 'speaking', 'turn 1 finished', 'idle'],
    ]);
    expectSentences(expect, heard, 2);
  });

  it('that hangs up before any sound of its answer has not answered, and the script is told', async ({
    expect,
  }) => {
    const { code, story } = await run(
      '--server',
      server.url,
      '--mic',
      'null',
      '--say',
      '退出',
      '--turns',
      '1',
    );
    expect([code, story]).toEqual([
      1,
      ['idle', 'connecting', 'thinking', 'turn 1 started', 'speaking', 'idle', 'error TURNS_UNFINISHED'],
    ]);
  });

  it('in manual mode asks when the voice ends, with frames behind it before the stop', async ({ expect }) => {
    const { code, heard, program } = await run(
      '--server',
      server.url,
      '--mic',
      `wav:${fixture('speech-short.wav')}`,
      '--mode',
      'manual',
      '--turns',
      '1',
      '--set',
      'identity.deviceId=02:00:00:00:00:77',
    );
    expect(code).toBe(0);
    expect(program.eventsOf('stt').map(({ text }) => text)).toEqual(['说完了']);
    expectSentences(expect, heard, 2);
    const peer = server.peers.find(({ headers }) => headers['device-id'] === '02:00:00:00:00:77');
    const withoutTools = peer?.story.filter((entry) => !entry.includes('"mcp"'));
    // An answer to mcp may have come between two frames.
    expect(withoutTools?.filter((entry, i, all) => entry !== 'audio' || all[i - 1] !== 'audio')).toEqual([
      '{"session_id":"real","type":"listen","state":"start","mode":"manual"}',
      'audio',
      '{"session_id":"real","type":"listen","state":"stop"}',
    ]);
    expect(peer?.ended).toEqual({ code: 1000, reason: '' });
  });
});

type Expect = typeof import('vitest').expect;

/** Both tones of each answer in turn, each as long as it was sent; a pause that a busy machine makes is no fault. */
function expectSentences(expect: Expect, heard: Int16Array, count: number): void {
  const runs: { frequencyHz: number; ms: number }[] = [];
  for (let at = 0; at + blockSamples <= heard.length; at += blockSamples) {
    const block = heard.slice(at, at + blockSamples);
    const levels = new Map(
      [440, 660].map((frequencyHz) => [frequencyHz, toneLevelDb(block, frequencyHz, 24_000)]),
    );
    const [frequencyHz, levelDb] = [...levels].sort((a, b) => b[1] - a[1])[0] as [number, number];
    if (levelDb < -30) continue;
    if (runs.at(-1)?.frequencyHz !== frequencyHz) runs.push({ frequencyHz, ms: 0 });
    (runs.at(-1) as { ms: number }).ms += 20;
  }
  expect(runs.map(({ frequencyHz }) => frequencyHz)).toEqual(
    Array.from({ length: count }, (_, i) => (i % 2 === 0 ? 440 : 660)),
  );
  for (const { ms } of runs) expect(Math.abs(ms - sentenceMs)).toBeLessThanOrEqual(40);
}

/** The 150 ms with the most power. */
function loudest(pcm: Int16Array): Int16Array {
  const length = 3_600;
  let best = pcm.slice(0, length);
  let bestPower = 0;
  for (let at = 0; at + length <= pcm.length; at += length / 4) {
    const part = pcm.slice(at, at + length);
    const power = part.reduce((sum, sample) => sum + sample * sample, 0);
    if (power > bestPower) [best, bestPower] = [part, power];
  }
  return best;
}

/** Stretches of voice at 24 kHz, parted by a second of silence. */
function utterancesOf(pcm: Int16Array): Int16Array[] {
  const utterances: Int16Array[] = [];
  let begin = -1;
  let lastVoiced = -1;
  for (let at = 0; at + blockSamples <= pcm.length; at += blockSamples) {
    const loud = pcm.subarray(at, at + blockSamples).some((sample) => Math.abs(sample) > 600);
    if (loud) {
      if (begin < 0) begin = at;
      lastVoiced = at;
    } else if (begin >= 0 && at - lastVoiced > 24_000) {
      utterances.push(pcm.slice(begin, lastVoiced));
      begin = -1;
    }
  }
  if (begin >= 0) utterances.push(pcm.slice(begin, lastVoiced));
  return utterances;
}
