// The native add-on in a simulated room, in simulated time: echo, a person who speaks at the same time, interruptions.

import { measureFigures } from '../../../test/native/figures.ts';
import { delaysMs, interruptInRoom, oncePerAnswer } from '../../../test/native/interrupting.ts';
import { percentile } from '../statistics.mjs';
import { atLeast, atMost } from './rows.mjs';

const PROMISED_MS = 400;
/** Who interrupts: −34 to −27 dBFS at the microphone, where the echo comes at −36 dBFS (in the second room at −26). */
const gains = [0.2, 0.25, 0.3, 0.35, 0.4, 0.45];
const rooms = {
  'as promised by the sound card': {},
  'loudspeaker louder than the person': { leak: 0.9 },
  'sound card 180 ms slower than it says': { outputLatencyMs: 220, claimedLatencyMs: 40 },
  'noise at −55 dBFS': { noiseAmplitude: 0.003 },
};

export async function measureCanceller() {
  const { echoLossDb, keptVoice, cpuPercent, snrDb } = await measureFigures();
  return [
    ...Object.entries(echoLossDb).map(([room, dB]) => atLeast(`echo loss after 2 s, ${room}`, dB, 'dB', 20)),
    atLeast('correlation of a person who speaks at the same time', keptVoice, '', 0.85),
    atMost('CPU of echo cancelling and noise suppression', cpuPercent, '% of a core', 1),
    ...Object.entries(snrDb).map(([where, { native, script }]) =>
      atLeast(
        `segmental SNR of libopus at 10 % loss, ${where}`,
        native,
        'dB',
        script,
        'bound: TypeScript concealment',
      ),
    ),
  ];
}

export async function measureInterrupting({ answers, falseAlarmSeconds }) {
  const rows = [];
  for (const [room, options] of Object.entries(rooms)) {
    const alone = await interruptInRoom(falseAlarmSeconds, [], options);
    const interruptions = oncePerAnswer(answers, gains);
    const delays = delaysMs(interruptions, await interruptInRoom(answers * 10, interruptions, options)).map(
      (ms) => ms ?? Number.POSITIVE_INFINITY,
    );
    const within = (100 * delays.filter((ms) => ms <= PROMISED_MS).length) / answers;
    const tails = `of ${answers}; p50 ${Math.round(percentile(delays, 0.5))}, p95 ${Math.round(percentile(delays, 0.95))} ms`;
    rows.push(
      atLeast(`interruptions noticed within ${PROMISED_MS} ms, ${room}`, within, '%', 95, tails),
      atMost(`  false alarms in ${falseAlarmSeconds / 60} min`, alone.detectedMs.length, '', 0),
    );
  }
  return rows;
}
