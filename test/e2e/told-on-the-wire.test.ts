import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { loadOpusCodec } from '../../src/adapters/audio/opus-discord.ts';
import { readWavFile } from '../../src/adapters/audio/wav-file.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { Manner } from '../../src/demo-server/behaviour.ts';
import { downlinkFormat } from '../../src/demo-server/device-link.ts';
import { createDemoServer } from '../../src/demo-server/server.ts';
import { createUtteranceRecorder } from '../../src/demo-server/utterance-recorder.ts';
import { uplinkPackets } from '../support/demo-client.ts';
import { buildProgram, cleanUpPrograms, fixture, freshHome, type Program } from '../support/program.ts';
import { concat } from '../support/signals.ts';
import { sentencesOf, shell, startToolProgram } from '../support/tool-program.ts';
import { buildWav } from '../support/wav.ts';

beforeAll(buildProgram);
const endings: (() => Promise<void>)[] = [];
afterAll(async () => {
  cleanUpPrograms();
  for (const end of endings) await end();
});

const codec = await loadOpusCodec();
const speech = await readWavFile(fixture('speech-short.wav'));

/** Seconds that a server makes of the recording when nothing of it is missing. */
function wholeSeconds(): number {
  let seconds = 0;
  const recorder = createUtteranceRecorder({
    codec,
    onSpeechStarted: () => {},
    onUtterance: (pcm) => {
      seconds = (pcm?.length ?? 0) / downlinkFormat.sampleRateHz;
    },
  });
  const pause = new Int16Array(speech.sampleRateHz);
  for (const packet of uplinkPackets(concat([pause, speech.pcm, pause]))) recorder.push(packet);
  return seconds;
}

/**
 * Somebody who says things, with time for an answer and a notice between them; three count, and one may get lost: over UDP the
 * first sound can be there before `listen start`, and a busy machine is not always in time.
 */
function tape(): Buffer {
  const { pcm, sampleRateHz } = speech;
  const pause = new Int16Array(10 * sampleRateHz);
  const all = concat([pause.subarray(0, sampleRateHz), pcm, pause, pcm, pause, pcm, pause, pcm, pause]);
  return buildWav(new Uint8Array(all.buffer), { sampleRateHz });
}

/** A device in a process of its own that hears the tape, and a server in the manner of a real one. */
async function start(manner: Manner, mode: string, transport: string): Promise<Program> {
  const server = createDemoServer(
    {
      host: '127.0.0.1',
      port: 0,
      mqtt: {},
      behaviour: {
        manner,
        spokenCommand: ['call tea {}', 'call self.timer.set {"seconds": 2, "message": "Turn the eggs."}'],
      },
    },
    { codec, clock: monotonicClock, logger: silentLogger },
  );
  const { otaUrl } = await server.start();
  endings.push(() => server.stop());
  const home = freshHome();
  writeFileSync(join(home, 'tape.wav'), tape());
  return startToolProgram({
    home,
    mcp: { tools: [shell('tea', 'sleep 1; echo Tea is ready.', { mode: 'background' })] },
    announcements: { quietMs: 300 },
    args: [
      ...['--server', otaUrl, '--transport', transport, '--mode', mode],
      // The typed turn gives the server time to read the tools.
      ...['--mic', `wav:${join(home, 'tape.wav')}`, '--say', 'hello', '--turns', '4', '--timeout', '150'],
    ],
  });
}

const storyOf = (program: Program): string =>
  program.events
    .filter(({ type }) => type !== 'audio')
    .map((event) => JSON.stringify(event))
    .join('\n');

describe.concurrent('results are told between the turns of a spoken conversation', {
  timeout: 180_000,
}, () => {
  it.for([
    { manner: 'python', mode: 'auto', transport: 'websocket' },
    { manner: 'python', mode: 'realtime', transport: 'mqtt' },
    { manner: 'java', mode: 'realtime', transport: 'websocket' },
    { manner: 'go', mode: 'auto', transport: 'mqtt' },
  ] as const)('$manner, $mode, $transport', async ({ manner, mode, transport }, { expect }) => {
    const program = await start(manner, mode, transport);
    expect(await program.exited, storyOf(program)).toBe(0);
    const sentences = sentencesOf(program).map(String);
    const placeOf = (words: RegExp): number => sentences.findIndex((sentence) => words.test(sentence));
    const all = sentences.join('\n');
    expect(placeOf(/Tea is ready/u), all).toBeGreaterThan(placeOf(/^Started as task t1/u));
    expect(placeOf(/Turn the eggs/u), all).toBeGreaterThan(placeOf(/timer_id/u));
    // That was the last turn, and so it was before it.
    expect(placeOf(/^This is what I heard/u), all).toBeGreaterThan(placeOf(/Tea is ready/u));
    for (const words of ['Tea is ready', 'Turn the eggs'])
      expect(sentences.filter((sentence) => sentence.includes(words))).toHaveLength(1);
    // The last sentence has come whole, with what belongs to it before and after.
    const heard = program
      .eventsOf('stt')
      .map(({ text }) => /^\((\d+\.\d) s of speech\)$/u.exec(`${text}`)?.[1]);
    expect(Number(heard.at(-1))).toBeGreaterThanOrEqual(wholeSeconds() - 0.1);
    expect(program.eventsOf('session')).toHaveLength(1);
    expect(program.eventsOf('error')).toEqual([]);
  });
});
