import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hasNotes } from '../support/heard-notes.ts';
import { buildProgram, cleanUpPrograms, freshHome, startProgram } from '../support/program.ts';

beforeAll(buildProgram, 120_000);
afterAll(cleanUpPrograms);

test('a newer firmware is said and heard once per version, also over new starts', {
  timeout: 90_000,
}, async () => {
  let version = '99.1.0';
  let asked = 0;
  const ota = createServer((request, response) => {
    asked += 1;
    request.resume();
    const firmware = { version, url: 'http://127.0.0.1/firmware.bin' };
    response.end(JSON.stringify({ websocket: { url: 'ws://127.0.0.1:9/', token: '' }, firmware }));
  }).listen(0, '127.0.0.1');
  await once(ota, 'listening');
  const url = `http://127.0.0.1:${(ota.address() as AddressInfo).port}/ota/`;
  const home = freshHome();
  const heard = join(home, 'heard.wav');
  /** What a start tells of it; without a voice there is its sound alone. */
  const start = async () => {
    const args = ['--server', url, '--mic', 'null', '--speaker', `wav:${heard}`, '--events', '-'];
    const device = startProgram(args, { home, env: { PATH: '/nowhere' } });
    await device.until(() => device.eventsOf('state').some(({ to }) => to === 'idle'));
    const idleMs = performance.now();
    await device.until(() => performance.now() - idleMs > 3_500);
    device.child.kill('SIGTERM');
    await device.exited;
    return { versions: device.eventsOf('upgrade').map((event) => event.version), said: device.stderr };
  };
  const ready = [523, 659, 784];
  const upgrade = [587, 740, 880, 1175];

  const first = await start();
  expect(first.versions).toEqual(['99.1.0']);
  expect(first.said).toMatch(/offers firmware 99\.1\.0\. .*its updates come with its package/);
  expect(hasNotes(heard, ...ready, ...upgrade)).toBe(true);
  expect((await start()).versions).toEqual([]);
  expect([hasNotes(heard, ...ready), hasNotes(heard, ...ready, ...upgrade)]).toEqual([true, false]);
  version = '99.2.0';
  expect((await start()).versions).toEqual(['99.2.0']);
  expect(asked).toBe(3);
  ota.close();
});
