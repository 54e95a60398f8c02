// Hours of one answer that never ends, in simulated time: a server whose clock is wrong, a network that is not perfect, and
// sound cards that disagree. What must not happen is that anything grows.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { EchoStage } from '../../../src/audio/echo-stage.ts';
import { FakeClock } from '../../../test/support/fake-clock.ts';
import { frameMs, percentile, simulateAnswer } from '../../../test/support/network-simulation.ts';
import { noise } from '../../../test/support/signals.ts';
import { wait } from '../statistics.mjs';
import { atMost } from './rows.mjs';

const LEAD_FRAMES = 6;
const LOST_SHARE = 0.01;
const rateHz = 16_000;
const chunkMs = 20;
const perMs = rateHz / 1000;

export function measurePlaybackHours({ hours }) {
  const frames = (hours * 3_600_000) / frameMs;
  const rows = [];
  for (const senderSpeed of [1.0002, 0.9998]) {
    const { timeline, counters } = simulateAnswer({
      frames,
      senderSpeed,
      leadFrames: LEAD_FRAMES,
      network: { loss: LOST_SHARE, jitterMs: 20 },
      // People breathe.
      quiet: (frame) => frame % 40 < 4,
    });
    const sentMs = (frame) => (Math.max(0, frame - LEAD_FRAMES + 1) * frameMs) / senderSpeed;
    // The first half is for getting used to each other.
    const quarter = Math.floor(timeline.length / 4);
    const [early, late] = [2, 3].map((from) => {
      const heard = timeline.slice(from * quarter, (from + 1) * quarter);
      const frameDelays = heard
        .filter(({ frame }) => frame >= 0)
        .map(({ frame, startMs }) => startMs - sentMs(frame));
      return { delayMs: percentile(frameDelays, 0.95), silences: (4 * silencesIn(heard)) / hours };
    });
    const name = `${hours} h of playback, server's clock ${senderSpeed > 1 ? 'fast' : 'slow'} by 200 ppm`;
    const before = (what) => `the quarter before ${what}`;
    rows.push(
      atMost(
        `${name}: delay, last quarter`,
        late.delayMs,
        'ms',
        early.delayMs + frameMs,
        before(`${Math.round(early.delayMs)} ms`),
      ),
      atMost(
        '  silences, last quarter',
        late.silences,
        'an hour',
        1.5 * early.silences + 6,
        before(early.silences),
      ),
      atMost('  concealed beyond what was lost', 100 * (counters.concealed / frames - LOST_SHARE), '%', 0.5),
    );
  }
  return rows;
}

/** Moments without any sound. */
function silencesIn(heard) {
  return heard.filter(({ startMs }, i) => {
    const last = heard[i - 1];
    return last !== undefined && startMs > last.startMs + last.durationMs + 1e-6;
  }).length;
}

/** The time line of the echo canceller, with a canceller that does nothing: it is the time line that could drift. */
export async function measureEchoHours({ hours }) {
  const clock = new FakeClock();
  const canceller = { sampleRateHz: rateHz, samplesPerFrame: 160, process: () => {}, close: () => {} };
  const stage = new EchoStage({
    canceller,
    clock,
    onProblem: (error) => {
      throw error;
    },
  });
  stage.beginNear(() => {});
  const sound = noise(rateHz * 10, 0.3, 11);
  const piece = (sample) => sound.slice(sample % (sound.length - 960), (sample % (sound.length - 960)) + 320);
  const echoMs = 60;
  const ppm = 100;
  const chunks = (hours * 3_600_000) / chunkMs;
  let before = 0;
  const played = [];
  for (let chunk = 0; chunk < chunks; chunk++) {
    // The microphone's card takes a little less time for as many samples.
    clock.advance(chunkMs * (1 - ppm / 1e6));
    const far = piece(chunk * 331);
    stage.pushFar(far, rateHz, clock.now());
    played.push(far);
    if (played.length > echoMs / chunkMs) stage.pushNear(played.shift(), rateHz);
    else stage.pushNear(new Int16Array(chunkMs * perMs), rateHz);
    if (chunk === Math.floor(chunks / 10)) before = await heapBytes();
  }
  const grown = (await heapBytes()) - before;
  const { realigned } = stage.counters;
  return [
    atMost(`${hours} h of echo time line, cards differ by ${ppm} ppm: memory`, grown / 1e6, 'MB', 1),
    atMost('  far end moved', realigned, 'times', 1),
  ];
}

/** Twice: finalizers run after the first. */
async function heapBytes() {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc');
  for (let i = 0; i < 2; i++) {
    collect();
    await wait(50);
  }
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}
