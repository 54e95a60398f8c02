// What stands at the ends of the virtual cable (scripts/virtual-audio): players, and ears that hear when sound begins, ends
// and is missing.
import { spawn } from 'node:child_process';

const LOUD = 1_000;
const HOLE_MS = 5;

export function createEar(sampleRateHz) {
  const ear = {
    reset() {
      Object.assign(ear, {
        arrivedAtMs: Number.NaN,
        firstAtMs: Number.NaN,
        lastAtMs: 0,
        loudMs: 0,
        holes: 0,
        longestHoleMs: 0,
        quiet: 0,
      });
    },
    hear(pcm) {
      const nowMs = performance.now();
      for (let i = 0; i < pcm.length; i++) {
        if (Math.abs(pcm[i]) < LOUD) {
          ear.quiet += 1;
          continue;
        }
        const atMs = nowMs - ((pcm.length - i) / sampleRateHz()) * 1000;
        const holeMs = (ear.quiet / sampleRateHz()) * 1000;
        if (Number.isNaN(ear.firstAtMs)) Object.assign(ear, { firstAtMs: atMs, arrivedAtMs: nowMs });
        else {
          if (holeMs >= HOLE_MS) ear.holes += 1;
          ear.longestHoleMs = Math.max(ear.longestHoleMs, holeMs);
          ear.loudMs += holeMs;
        }
        ear.loudMs += 1000 / sampleRateHz();
        ear.quiet = 0;
        ear.lastAtMs = atMs;
      }
    },
  };
  ear.reset();
  return ear;
}

/** Hears what a loudspeaker plays, by a recorder of the sound server. */
export function recordCable(source, ear) {
  const format = ['--raw', '--format=s16le', '--rate=24000', '--channels=1', '--latency-msec=5'];
  const child = spawn('parec', ['-d', source, ...format], { stdio: ['ignore', 'pipe', 'inherit'] });
  child.stdout.on('data', (bytes) => {
    ear.hear(new Int16Array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1))));
  });
  return child;
}

/** 10 ms of noise in a frame of silence. */
export function click(sampleRateHz) {
  const pcm = new Int16Array((sampleRateHz * 60) / 1000);
  for (let i = 0; i < sampleRateHz / 100; i++) pcm[i] = i % 40 < 20 ? 20_000 : -20_000;
  return pcm;
}

/** Frame number `index` of a tone without seams; loud from its first sample on. */
export function tone(sampleRateHz, ms, index = 0) {
  const samples = (sampleRateHz * ms) / 1000;
  return Int16Array.from(
    { length: samples },
    (_, i) => 12_000 * Math.cos((2 * Math.PI * 500 * (i + index * samples)) / sampleRateHz),
  );
}
