// `node scripts/bench-interrupting.mjs [ANSWERS]`: how often the device takes itself for a person, and how soon it
// notices one who interrupts it, with the native echo canceller in a simulated room (test/native/), as a table. 100
// answers are a quarter of an hour of its own speech; exit code 1 when a promise is not kept.
import { rm } from 'node:fs/promises';
import { build } from 'esbuild';
import { bundleOptions, root } from './bundle-options.mjs';

const FALSE_ALARM_SECONDS = 600;
const PROMISED_MS = 400;
const answers = Number(process.argv[2] ?? 100);
/** Who interrupts: −34 to −27 dBFS at the microphone, where the echo comes at −36 dBFS (in the second room at −26). */
const gains = [0.2, 0.25, 0.3, 0.35, 0.4, 0.45];
const rooms = {
  'as promised by the sound card': {},
  'loudspeaker louder than the person': { leak: 0.9 },
  'sound card 180 ms slower than it says': { outputLatencyMs: 220, claimedLatencyMs: 40 },
  'noise at −55 dBFS': { noiseAmplitude: 0.003 },
};
// Beside its source, because it looks for the fixtures and the add-on from there.
const bundle = `${root}test/native/interrupting.bundle.mjs`;

try {
  await build({
    ...bundleOptions,
    splitting: false,
    entryPoints: [`${root}test/native/interrupting.ts`],
    outfile: bundle,
  });
  const { delaysMs, interruptInRoom, oncePerAnswer } = await import(bundle);
  console.log(
    `| room | false alarms in ${FALSE_ALARM_SECONDS / 60} min | noticed within ${PROMISED_MS} ms | p50 | p95 |`,
  );
  console.log('|---|---|---|---|---|');
  for (const [name, options] of Object.entries(rooms)) {
    const alone = await interruptInRoom(FALSE_ALARM_SECONDS, [], options);
    const interruptions = oncePerAnswer(answers, gains);
    const delays = delaysMs(interruptions, await interruptInRoom(answers * 10, interruptions, options))
      .map((ms) => ms ?? Number.POSITIVE_INFINITY)
      .sort((a, b) => a - b);
    const within = delays.filter((ms) => ms <= PROMISED_MS).length / answers;
    const at = (share) => `${Math.round(delays[Math.ceil(share * answers) - 1])} ms`;
    console.log(
      `| ${name} | ${alone.detectedMs.length} | ${Math.round(within * 100)} % | ${at(0.5)} | ${at(0.95)} |`,
    );
    if (alone.detectedMs.length > 0 || within < 0.95) process.exitCode = 1;
  }
} finally {
  await rm(bundle, { force: true });
}
