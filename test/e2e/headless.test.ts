import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { parseWav } from '../../src/adapters/audio/wav-file.ts';
import { buildProgram, cleanUpPrograms, fixture, freshHome, startProgram } from '../support/program.ts';
import { toneLevelDb } from '../support/signals.ts';

beforeAll(buildProgram, 120_000);
afterAll(cleanUpPrograms);

const stepMs = 20;

/** Pieces of the recording in which this tone sounds, as start and length in ms. */
function tones(pcm: Int16Array, rate: number, hz: number): { readonly atMs: number; readonly ms: number }[] {
  const found: { atMs: number; ms: number }[] = [];
  const step = (rate * stepMs) / 1000;
  for (let at = 0; at + step <= pcm.length; at += step) {
    const piece = pcm.subarray(at, at + step);
    const level = toneLevelDb(piece, hz, rate);
    const around = Math.max(toneLevelDb(piece, hz * 1.4, rate), toneLevelDb(piece, hz * 0.7, rate));
    if (level < -40 || level < around + 10) continue;
    const atMs = (at / rate) * 1000;
    const last = found.at(-1);
    if (last && atMs - (last.atMs + last.ms) < stepMs) last.ms = atMs + stepMs - last.atMs;
    else found.push({ atMs, ms: stepMs });
  }
  return found;
}

/** Beeps to digits: a long pause stands between two. */
function digitsIn(beeps: readonly { readonly atMs: number; readonly ms: number }[]): string {
  const counts: number[] = [];
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const { atMs, ms } of beeps) {
    if (atMs - lastMs > 500) counts.push(0);
    counts[counts.length - 1] = (counts.at(-1) ?? 0) + 1;
    lastMs = atMs + ms;
  }
  return counts.map((count) => count % 10).join('');
}

test('a headless first start is heard: the code, ready, the microphone, the answer', {
  timeout: 120_000,
}, async () => {
  const home = freshHome();
  const heard = join(home, 'heard.wav');
  // Without a voice the code is beeps, which a test can count.
  const noVoice = { PATH: '/nowhere' };
  const server = startProgram(['serve', '--port', '0', '--activation', '--log-level', 'info']);
  await server.until(() => /otaUrl/.test(server.stderr));
  const ota = /"otaUrl":"([^"]+)"/.exec(server.stderr)?.[1] ?? '';
  const device = startProgram(
    [
      '--server',
      ota,
      '--mic',
      `wav:${fixture('speech-short.wav')}`,
      '--speaker',
      `wav:${heard}`,
      '--events',
      '-',
    ],
    { home, env: noVoice },
  );
  await device.until(() => device.eventsOf('activation').length > 0);
  const code = String(device.eventsOf('activation')[0]?.code);
  // All digits have been told.
  const codeMs = [...code].reduce((sum, digit) => sum + (digit === '0' ? 10 : Number(digit)) * 220 + 700, 0);
  const startedMs = Date.now();
  await device.until(() => Date.now() - startedMs > codeMs + 1000);
  await fetch(new URL(`/activate?code=${code}`, ota));
  await device.until(() => device.events.some(({ type, to }) => type === 'state' && to === 'idle'));
  const readyMs = Date.now();
  await device.until(() => Date.now() - readyMs > 1500);
  device.child.stdin.write('talk\n');
  await device.until(() => device.eventsOf('turn').some(({ phase }) => phase === 'finished'));
  device.child.kill('SIGTERM');
  await device.exited;

  const { pcm, sampleRateHz } = parseWav(readFileSync(heard), heard);
  const at = (hz: number) => tones(pcm, sampleRateHz, hz);
  const code880 = at(880).filter(({ ms }) => ms >= 60);
  const ready = at(784).find(({ ms }) => ms >= 100);
  const open = at(988).find(({ atMs, ms }) => atMs > (ready?.atMs ?? 0) && ms >= 40);
  expect(digitsIn(code880.filter(({ atMs }) => atMs < (ready?.atMs ?? 0))).startsWith(code)).toBe(true);
  expect(open?.atMs).toBeGreaterThan(ready?.atMs ?? Number.POSITIVE_INFINITY);
  const answer = pcm.subarray(Math.round((((open?.atMs ?? 0) + 500) * sampleRateHz) / 1000));
  expect(Math.max(...answer.map((sample) => Math.abs(sample)))).toBeGreaterThan(1000);
});
