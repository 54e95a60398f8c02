import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openPlayer } from '../../../src/adapters/audio/player-stream.ts';
import { monotonicClock } from '../../../src/core/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'player-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** A player that is a shell script. */
const script = (text: string) => ({
  cmd: '/bin/sh',
  args: ['-c', text],
  env: process.env,
  sampleRateHz: 24_000,
});
const sound = (value: number) => new Uint8Array(2_880).fill(value);
const neverLost = (reason: string) => expect.unreachable(reason);

/** Resolves when the file holds so many bytes. */
async function bytesIn(file: string, length: number): Promise<Buffer> {
  const bytes = await readFile(file).catch(() => Buffer.alloc(0));
  if (bytes.length >= length) return bytes;
  await new Promise((resolve) => setTimeout(resolve, 10));
  return bytesIn(file, length);
}

test('a player gets all that is written, and is waited for at the end', async () => {
  const file = join(directory, 'all');
  const player = await openPlayer(script(`cat > ${file}`), monotonicClock, neverLost);
  player.write(sound(1));
  player.write(sound(2));
  await player.close();
  expect(await readFile(file)).toEqual(Buffer.concat([sound(1), sound(2)]));
});

test('a player that ends at once cannot be opened, and its own words say why', async () => {
  const opening = openPlayer(
    script('echo "audio open error: Device or resource busy" >&2; exit 1'),
    // However long that takes on a busy machine.
    new FakeClock(),
    neverLost,
  );
  await expect(opening).rejects.toThrow('audio open error: Device or resource busy');
});

test('a program that is not there cannot be opened', async () => {
  const opening = openPlayer({ ...script(''), cmd: join(directory, 'none') }, new FakeClock(), neverLost);
  await expect(opening).rejects.toThrow('ENOENT');
});

test('a player that ends later is lost, once', async () => {
  const reasons: string[] = [];
  const lost = new Promise<void>((resolve) => {
    const onLost = (reason: string) => {
      reasons.push(reason);
      resolve();
    };
    void openPlayer(script('read x; echo "Connection terminated" >&2'), monotonicClock, onLost).then(
      (player) => {
        player.write(Buffer.from('\n'));
      },
    );
  });
  await lost;
  expect(reasons).toEqual(['Connection terminated']);
});

test('a flush ends the player at once, and what is written behind it goes to the next', async () => {
  const counter = join(directory, 'count');
  await writeFile(counter, '');
  const text = `echo x >> ${counter}; cat > ${join(directory, 'player')}-$(wc -l < ${counter} | tr -d ' ')`;
  const player = await openPlayer(script(text), monotonicClock, neverLost);
  player.write(sound(1));
  await bytesIn(join(directory, 'player-1'), 2_880);
  player.flush();
  player.write(sound(2));
  player.flush();
  player.write(sound(3));
  expect(player.waitingBytes).toBe(2_880);
  expect(await bytesIn(join(directory, 'player-2'), 2_880)).toEqual(Buffer.from(sound(3)));
  await player.close();
  expect(await readFile(counter, 'utf8')).toBe('x\nx\n');
});
