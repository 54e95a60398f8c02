import { chooseLoudspeaker, chooseMicrophone } from '../../adapters/audio/choose-audio.ts';
import { createPacer } from '../../adapters/audio/pacer.ts';
import { readWavFile } from '../../adapters/audio/wav-file.ts';
import { loadNativeParts } from '../../adapters/native/addon.ts';
import { soundSpecs } from '../../app-voice.ts';
import { createResampler } from '../../audio/resampler.ts';
import type { Environment } from '../../config/environment.ts';
import type { Config } from '../../config/schema.ts';
import { monotonicClock, wait } from '../../core/clock.ts';
import { type ClientError, messageOf } from '../../core/errors.ts';
import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import type { Microphone } from '../../ports/microphone.ts';
import { bundledRecordingPath } from '../bundled-recording.ts';
import { echoLossDb } from './echo-loss.ts';
import { type Finding, fault, note, ok } from './finding.ts';
import { analyseLoop, type LoopFigures, type LoopRecording, makeSweep } from './loop-analysis.ts';

const SUBJECT = 'Sound loop';
const FRAME_MS = 60;
const SILENCE_BEFORE_MS = 600;
/** Long enough for a drift of 30 ppm to be two samples. */
const DISTANCE_MS = 4_020;
const SILENCE_AFTER_MS = 1_500;
const SPEECH_SECONDS = 4;
const GOOD_ECHO_LOSS_DB = 15;

/**
 * Plays a sweep twice and some words, and records them: whether the microphone hears the loudspeaker, how loud, how late, how
 * true in time, and what echo cancelling makes of it.
 */
export async function checkLoop(config: Config, env: Environment, stop: AbortSignal): Promise<Finding[]> {
  const { aec } = config.audio;
  const pacer = createPacer(monotonicClock, FRAME_MS);
  try {
    const specs = await soundSpecs(config, env);
    const microphone = await chooseMicrophone(specs.microphone, { env, pacer });
    const loudspeaker = await chooseLoudspeaker(specs.loudspeaker, { env, pacer });
    const { recording, lost } = await playAndRecord(microphone.device, loudspeaker.device, stop);
    if (lost) return [fault(SUBJECT, lost.message)];
    if (stop.aborted) return [];
    const names = `${loudspeaker.device.name} → ${microphone.device.name}`;
    const figures = analyseLoop(recording);
    const findings = loopFindings(names, figures, aec);
    return isHeard(figures) ? [...findings, echoFinding(recording, figures, aec)] : findings;
  } catch (error) {
    return [fault(SUBJECT, messageOf(error))];
  }
}

async function playAndRecord(microphone: Microphone, loudspeaker: Loudspeaker, stop: AbortSignal) {
  const pieces: Int16Array[] = [];
  let samples = 0;
  let lost: ClientError | undefined;
  const onError = (error: ClientError) => {
    lost = error;
  };
  const onChunk = (pcm: Int16Array) => {
    pieces.push(pcm.slice());
    samples += pcm.length;
  };
  try {
    await Promise.all([microphone.start({ onChunk, onError }), loudspeaker.start(onError)]);
    await wait(monotonicClock, SILENCE_BEFORE_MS, stop);
    const writtenAt = samples;
    const sweep = makeSweep(loudspeaker.sampleRateHz);
    const distance = (DISTANCE_MS / 1000) * loudspeaker.sampleRateHz;
    const words = await demoSpeech(loudspeaker.sampleRateHz);
    const wordsAt = distance + 2 * sweep.length;
    const sound = new Int16Array(wordsAt + words.length);
    sound.set(sweep);
    sound.set(sweep, distance);
    sound.set(words, wordsAt);
    const frame = (loudspeaker.sampleRateHz * FRAME_MS) / 1000;
    for (let at = 0; at < sound.length && !stop.aborted && !lost; at += frame) {
      await loudspeaker.write(sound.slice(at, at + frame));
    }
    await wait(monotonicClock, SILENCE_AFTER_MS, stop);
    const { sampleRateHz } = microphone;
    const recording = {
      sampleRateHz,
      heard: joined(pieces, samples),
      sweep: createResampler(loudspeaker.sampleRateHz, sampleRateHz).push(sweep),
      writtenAt,
      distance: (DISTANCE_MS / 1000) * sampleRateHz,
      played: createResampler(loudspeaker.sampleRateHz, sampleRateHz).push(sound),
    };
    return { recording, lost };
  } finally {
    await Promise.all([microphone.stop(), loudspeaker.stop()]);
  }
}

/** What people say, for echo cancelling is made for voices. */
async function demoSpeech(sampleRateHz: number): Promise<Int16Array> {
  const path = bundledRecordingPath();
  if (path === undefined) throw new Error('config/demo-speech.wav is missing; install this program again.');
  const { pcm, sampleRateHz: recordedHz } = await readWavFile(path);
  return createResampler(recordedHz, sampleRateHz).push(pcm.slice(0, SPEECH_SECONDS * recordedHz));
}

const isHeard = ({ resemblance }: LoopFigures) => resemblance >= 0.15;

function echoFinding(
  recording: LoopRecording & { readonly played: Int16Array },
  { lossDb, delayMs }: LoopFigures,
  aec: Config['audio']['aec'],
): Finding {
  if (aec === 'system') {
    const left = `the sound server leaves an echo ${Math.round(lossDb)} dB below what is played`;
    if (lossDb >= GOOD_ECHO_LOSS_DB) return ok(SUBJECT, left);
    return note(SUBJECT, `${left}, which is much.`, 'Turn the loudspeaker down, or try audio.aec "native".');
  }
  const { createEchoCanceller, problem } = loadNativeParts();
  const off = `echo is ${Math.round(lossDb)} dB below what is played with audio.aec off`;
  if (!createEchoCanceller) return note(SUBJECT, `${off}; with "native" it cannot be measured.`, problem);
  const canceller = createEchoCanceller({
    sampleRateHz: 16_000,
    noiseSuppression: false,
    gainControl: false,
  });
  const heardAt = recording.writtenAt + Math.round((delayMs * recording.sampleRateHz) / 1000);
  const gainedDb = Math.round(echoLossDb({ ...recording, heardAt }, canceller));
  canceller.close();
  const text = `${off}, ${gainedDb} dB lower still with "native"`;
  if (gainedDb >= GOOD_ECHO_LOSS_DB) return ok(SUBJECT, text);
  const advice = 'Turn the loudspeaker down until it does not distort, and move it away from the microphone.';
  return note(
    SUBJECT,
    `${text}, which is little.`,
    aec === 'native' ? `${advice} A headset needs none.` : advice,
  );
}

/** The figures in words, with what to change. */
export function loopFindings(
  names: string,
  figures: LoopFigures,
  aec: Config['audio']['aec'] = 'off',
): Finding[] {
  if (!isHeard(figures) && aec === 'system') {
    const text = `${names}: nothing of the loudspeaker is left in the microphone: the sound server removes it, or one of them is off.`;
    return [note(SUBJECT, text, 'With "--set audio.aec=off" this tells which.')];
  }
  if (!isHeard(figures)) {
    return [
      note(
        SUBJECT,
        `${names}: the microphone does not hear the loudspeaker (background ${db(figures.backgroundDb)}).`,
        'Turn both up and unmute them (alsamixer or pavucontrol), or choose others: "xiaozhi-speaker devices". A headset is fine as it is.',
      ),
    ];
  }
  return [levelFinding(names, figures), delayFinding(figures), driftFinding(figures)];
}

function levelFinding(names: string, { levelDb, backgroundDb, lossDb, clipped }: LoopFigures): Finding {
  const text = `${names}: heard at ${db(levelDb)}, ${Math.round(lossDb)} dB below what was played; background ${db(backgroundDb)}`;
  if (clipped > 0) {
    return note(
      SUBJECT,
      `${text}; ${clipped} samples clipped.`,
      'Turn the microphone down, or the loudspeaker.',
    );
  }
  if (levelDb < -50) return note(SUBJECT, `${text}; faint.`, 'Turn the microphone up, or move it closer.');
  if (backgroundDb > -35) {
    return note(SUBJECT, `${text}; noisy.`, 'Turn the microphone down, or move it away from fans and hum.');
  }
  return ok(SUBJECT, text);
}

function delayFinding({ delayMs }: LoopFigures): Finding {
  const text = `the microphone hears the loudspeaker ${Math.round(delayMs)} ms after it is told to play`;
  return delayMs > 300
    ? note(
        SUBJECT,
        `${text}, which is late.`,
        'Bluetooth does that; for answers without delay, and for echo cancelling, use cable or USB.',
      )
    : ok(SUBJECT, text);
}

function driftFinding({ driftPpm }: LoopFigures): Finding {
  if (driftPpm === undefined) {
    return note(
      SUBJECT,
      'the second sweep was not heard where it should be: sound gets lost.',
      'Close programs that keep this computer busy, and run this again.',
    );
  }
  const text = `the clocks of loudspeaker and microphone differ by ${Math.round(Math.abs(driftPpm))} ppm`;
  return Math.abs(driftPpm) > 300
    ? note(SUBJECT, `${text}, which is much.`, 'For echo cancelling use one device for both.')
    : ok(SUBJECT, text);
}

function db(value: number): string {
  return `${Math.round(value)} dBFS`;
}

function joined(pieces: readonly Int16Array[], samples: number): Int16Array {
  const whole = new Int16Array(samples);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}
