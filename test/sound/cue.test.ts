import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { loadOpusCodec } from '../../src/app-codec.ts';
import { createResampler } from '../../src/audio/resampler.ts';
import { buildProgram, cleanUpPrograms, startProgram } from '../support/program.ts';
import { startScriptedServer } from '../support/scripted-server.ts';
import { bestCorrelation, concat, toneLevelDb } from '../support/signals.ts';
import { skipped } from '../support/skipped.ts';
import { noVirtualAudio, startVirtualAudio, type VirtualAudio } from '../support/virtual-audio.ts';
import { firstLoud, rms, speech, wait } from './sound.ts';

const rate = 16_000;
const hello = {
  type: 'hello',
  transport: 'websocket',
  session_id: 's',
  audio_params: { sample_rate: 24_000 },
};
const codec = await loadOpusCodec();

beforeAll(buildProgram, 120_000);
afterAll(cleanUpPrograms);

/** A room in which the microphone hears the loudspeaker, and a person who speaks when told to. */
async function room() {
  const audio = await startVirtualAudio();
  onTestFinished(() => audio.stop());
  const { pcm, sampleRateHz } = await speech();
  const spoken = createResampler(sampleRateHz, rate).push(pcm).slice();
  const voice = spoken.slice(firstLoud(spoken));
  const mouth = spawn(
    'pacat',
    [
      '-d',
      'to_room_microphone',
      '--raw',
      '--format=s16le',
      `--rate=${rate}`,
      '--channels=1',
      '--latency-msec=20',
    ],
    { env: audio.env, stdio: ['pipe', 'ignore', 'ignore'] },
  );
  onTestFinished(() => void mouth.kill('SIGKILL'));
  mouth.stdin.on('error', () => {});
  const say = (sound: Int16Array) =>
    mouth.stdin.write(Buffer.from(sound.buffer, sound.byteOffset, sound.byteLength));
  // It has to be open by the time somebody presses.
  say(new Int16Array(rate / 10));
  return { audio, voice, speak: () => say(voice) };
}

async function startDevice({ env }: VirtualAudio, cues: boolean, aec: string) {
  const server = await startScriptedServer({
    onText: (peer, text) => {
      if (text.includes('"hello"')) peer.send(hello);
    },
  });
  onTestFinished(() => server.stop());
  const names = ['PULSE_SERVER', 'PULSE_COOKIE', 'PULSE_RUNTIME_PATH', 'ALSA_CONFIG_PATH'];
  const device = startProgram(
    [
      ...['--server', server.url, '--mic', 'record:room_microphone', '--speaker', 'play:room_loudspeaker'],
      ...['--mode', 'manual', '--events', '-', '--set', `audio.aec=${aec}`, '--set', `cues.enabled=${cues}`],
      ...['--set', 'cues.volumePercent=100'],
    ],
    { env: Object.fromEntries(names.map((name) => [name, env[name] ?? ''])) },
  );
  onTestFinished(() => void device.child.kill('SIGKILL'));
  await device.until(() => device.eventsOf('state').some(({ to }) => to === 'idle'));
  return { device, server };
}

/** Somebody presses and speaks at once: what the server hears of it. */
async function pressAndSpeak(cues: boolean, aec: string) {
  const { audio, voice, speak } = await room();
  const { device, server } = await startDevice(audio, cues, aec);
  // The ready sound is over.
  await wait(1_500);
  device.child.stdin.write('talk press\n');
  await device.until(() => device.eventsOf('state').some(({ to }) => to === 'connecting'));
  // Nobody is faster.
  await wait(60);
  speak();
  await device.until(() => device.eventsOf('state').some(({ to }) => to === 'listening'));
  await wait((voice.length / rate) * 1000 + 500);
  device.child.stdin.write('release\n');
  await wait(300);
  const at = (status: string) => device.eventsOf('state').find(({ to }) => to === status)?.t ?? Number.NaN;
  const decoder = codec.createDecoder(rate);
  const heard = concat((server.peers[0]?.frames ?? []).map((frame) => decoder.decode(frame).slice()));
  return { heard, voice, listeningMs: at('listening') - at('connecting') };
}

describe.skipIf(noVirtualAudio !== undefined)(
  `a cue and the first syllable${skipped(noVirtualAudio)}`,
  { retry: 3, timeout: 60_000 },
  () => {
    test.each([
      ['off', 0.85],
      ['native', 0.4],
    ] as const)(
      'with audio.aec %s the device listens within 100 ms, hears all of the first syllable and nothing of the cue',
      async (aec, likeness) => {
        const { heard, voice, listeningMs } = await pressAndSpeak(true, aec);
        expect(listeningMs).toBeLessThanOrEqual(100);
        const found = loudPiecesOf(voice).map((piece) => findPiece(heard, piece));
        expect(Math.min(...found.map(({ alike }) => alike))).toBeGreaterThan(likeness);
        // Nothing is missing in between.
        const lags = found.map(({ lag }) => lag / 16);
        expect(Math.max(...lags) - Math.min(...lags)).toBeLessThan(10);
        for (let at = 0; at < 6; at++) {
          const piece = heard.subarray((at * rate) / 20, ((at + 1) * rate) / 20);
          expect(toneLevelDb(piece, 988, rate)).toBeLessThan(-35);
        }
      },
    );
  },
);

interface Piece {
  readonly from: number;
  readonly pcm: Int16Array;
}

/** Tenths of a second of the first half second in which enough is said to be found again. */
function loudPiecesOf(voice: Int16Array): readonly Piece[] {
  const length = rate / 10;
  return Array.from({ length: 5 }, (_, n) => ({
    from: n * length,
    pcm: voice.subarray(n * length, (n + 1) * length),
  })).filter(({ pcm }) => rms(pcm) > rms(voice) / 2);
}

/** Where the microphone heard it, against when it was said. */
function findPiece(heard: Int16Array, { from, pcm }: Piece) {
  let alike = 0;
  let lag = 0;
  for (let at = 0; at + pcm.length <= heard.length; at++) {
    const now = bestCorrelation(heard.subarray(at, at + pcm.length), pcm);
    if (now > alike) [alike, lag] = [now, at - from];
  }
  return { alike, lag };
}
