// `node scripts/bench-devices.mjs [SECONDS]`: what each sound backend does on a virtual cable (scripts/virtual-audio): how
// late it hears and is heard, how soon it is silent after a flush, and holes in a steady tone. Every figure includes the
// 5 to 10 ms of what stands at the other end of the cable.
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';
import { bundleOptions, root } from './bundle-options.mjs';

if (!process.env.VIRTUAL_CABLE) {
  const script = fileURLToPath(import.meta.url);
  const child = spawn(`${root}scripts/virtual-audio`, [process.execPath, script, ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, VIRTUAL_CABLE: '1' },
  });
  child.on('exit', (code) => process.exit(code ?? 1));
} else await measure(Number(process.argv[2] ?? 60));

async function measure(seconds) {
  const audio = await load();
  const clock = audio.monotonicClock;
  const env = process.env;
  const surroundings = { env, alsaDirectory: '/nowhere' };
  const pacer = audio.createPacer(clock, 60);
  const speaker = (device) => audio.createSpeakerLoudspeaker({ pacer, surroundings, device });
  const record = (device) => audio.createRecordMicrophone({ clock, surroundings, device });
  const microphones = {
    'record (parec)': () => record(undefined),
    'record (arecord)': () => record('pulse:microphone'),
    portaudio: () => audio.createPortAudioMicrophone({ clock, env, device: 'microphone' }),
  };
  const loudspeakers = {
    speaker: () => speaker('loudspeaker'),
    portaudio: () => audio.createPortAudioLoudspeaker({ pacer, env, device: 'loudspeaker' }),
  };
  const rows = [];
  for (const [name, create] of Object.entries(microphones)) {
    rows.push({
      microphone: name,
      ...(await measureMicrophone(create(), speaker('to_microphone'), seconds)),
    });
  }
  console.table(rows.splice(0));
  for (const [name, create] of Object.entries(loudspeakers)) {
    rows.push({ loudspeaker: name, ...(await measureLoudspeaker(create(), seconds)) });
  }
  console.table(rows);
  process.exit();
}

async function measureMicrophone(microphone, source, seconds) {
  const ear = createEar(() => microphone.sampleRateHz);
  await source.start(fail);
  await microphone.start({ onChunk: (pcm) => ear.hear(pcm), onError: fail });
  await wait(1_000);
  const latencies = [];
  for (let i = 0; i < 30; i++) {
    ear.reset();
    const fromMs = performance.now();
    await source.write(click(source.sampleRateHz));
    await wait(300 + 7 * i);
    latencies.push(ear.arrivedAtMs - fromMs);
  }
  const holes = await steadyTone(source, ear, seconds);
  const { xruns } = microphone;
  await microphone.stop();
  await source.stop();
  return { ...quantiles(latencies), ...holes, xruns };
}

async function measureLoudspeaker(loudspeaker, seconds) {
  const ear = createEar(() => 24_000);
  const recorder = recordCable('loudspeaker.monitor', ear);
  await loudspeaker.start(fail);
  await wait(1_000);
  const latencies = [];
  for (let i = 0; i < 30; i++) {
    ear.reset();
    const fromMs = performance.now();
    await loudspeaker.write(click(loudspeaker.sampleRateHz));
    await wait(300 + 7 * i);
    latencies.push(ear.firstAtMs - fromMs);
  }
  const silences = [];
  for (let i = 0; i < 10; i++) {
    for (let frame = 0; frame < 10; frame++) await loudspeaker.write(tone(loudspeaker.sampleRateHz, 60));
    const flushedAtMs = performance.now();
    loudspeaker.flush();
    await wait(400);
    silences.push(Math.round(ear.lastAtMs - flushedAtMs));
  }
  const holes = await steadyTone(loudspeaker, ear, seconds);
  const { xruns } = loudspeaker;
  await loudspeaker.stop();
  recorder.kill();
  const silentAfterFlushMs = Math.max(...silences);
  return { ...quantiles(latencies), silentAfterFlushMs, ...holes, xruns };
}

/** Holes between the first and the last sound of a tone. */
async function steadyTone(loudspeaker, ear, seconds) {
  await wait(500);
  ear.reset();
  for (let i = 0; i < (seconds * 1000) / 60; i++)
    await loudspeaker.write(tone(loudspeaker.sampleRateHz, 60, i));
  await wait(500);
  return { [`holes in ${seconds} s`]: ear.holes, longestHoleMs: Math.round(ear.longestHoleMs) };
}

/** Hears when sound begins, ends and is missing. */
function createEar(sampleRateHz) {
  const loud = 1_000;
  const ear = {
    reset() {
      Object.assign(ear, {
        arrivedAtMs: Number.NaN,
        firstAtMs: Number.NaN,
        lastAtMs: 0,
        holes: 0,
        longestHoleMs: 0,
        quiet: 0,
      });
    },
    hear(pcm) {
      const nowMs = performance.now();
      for (let i = 0; i < pcm.length; i++) {
        if (Math.abs(pcm[i]) < loud) {
          ear.quiet += 1;
          continue;
        }
        const atMs = nowMs - ((pcm.length - i) / sampleRateHz()) * 1000;
        if (Number.isNaN(ear.firstAtMs)) Object.assign(ear, { firstAtMs: atMs, arrivedAtMs: nowMs });
        else {
          const holeMs = (ear.quiet / sampleRateHz()) * 1000;
          if (holeMs >= 5) ear.holes += 1;
          ear.longestHoleMs = Math.max(ear.longestHoleMs, holeMs);
        }
        ear.quiet = 0;
        ear.lastAtMs = atMs;
      }
    },
  };
  ear.reset();
  return ear;
}

function recordCable(source, ear) {
  const format = ['--raw', '--format=s16le', '--rate=24000', '--channels=1', '--latency-msec=5'];
  const child = spawn('parec', ['-d', source, ...format], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.on('data', (bytes) => {
    ear.hear(new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1))));
  });
  return child;
}

function click(sampleRateHz) {
  const pcm = new Int16Array((sampleRateHz * 60) / 1000);
  for (let i = 0; i < sampleRateHz / 100; i++) pcm[i] = i % 40 < 20 ? 20_000 : -20_000;
  return pcm;
}

/** Frame number `index` of a tone without seams. */
function tone(sampleRateHz, ms, index = 0) {
  const samples = (sampleRateHz * ms) / 1000;
  return Int16Array.from(
    { length: samples },
    (_, i) => 12_000 * Math.sin((2 * Math.PI * 500 * (i + index * samples)) / sampleRateHz),
  );
}

function quantiles(values) {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share) => Math.round(sorted[Math.floor(share * (sorted.length - 1))]);
  return { p50Ms: at(0.5), p95Ms: at(0.95) };
}

function wait(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

function fail(error) {
  console.error(error.message);
  process.exit(1);
}

/** Bundled, because Node does not run TypeScript yet; inside the checkout, where the sound packages are found. */
async function load() {
  const directory = await mkdtemp(join(root, 'node_modules', '.bench-devices-'));
  try {
    const outfile = join(directory, 'devices.mjs');
    const { splitting: _, ...options } = bundleOptions;
    const adapters = [
      'loudspeaker-speaker',
      'loudspeaker-naudiodon',
      'microphone-lpcm16',
      'microphone-naudiodon',
      'pacer',
    ];
    const contents = [
      ...adapters.map((name) => `export * from './src/adapters/audio/${name}.ts';`),
      "export { monotonicClock } from './src/core/clock.ts';",
    ].join('\n');
    await build({ ...options, outfile, stdin: { resolveDir: root, contents } });
    return await import(pathToFileURL(outfile).href);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
