import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { askControl, controlSocketOf } from '../support/exchange-program.ts';
import { buildProgram, cleanUpPrograms, freshHome, startProgram } from '../support/program.ts';

beforeAll(buildProgram);
afterAll(cleanUpPrograms);

/** A device in whose process this happens as soon as a file appears. */
function deviceIn(home: string, fault: string) {
  const script = join(home, 'fault.cjs');
  const sign = join(home, 'now');
  const wav = join(home, 'heard.wav');
  writeFileSync(
    script,
    `const { existsSync } = require('node:fs');
     const timer = setInterval(() => {
       if (!existsSync(${JSON.stringify(sign)})) return;
       clearInterval(timer);
       ${fault}
     }, 20);
     timer.unref();`,
  );
  const program = startProgram(['run', '--mic', 'null', '--speaker', `wav:${wav}`, '--events', '-'], {
    home,
    env: { NODE_OPTIONS: `--require ${script}` },
  });
  return { program, wav, strike: () => writeFileSync(sign, '') };
}

describe.concurrent('a fault that nobody caught', { timeout: 60_000 }, () => {
  it.for([
    ['thrown', "throw new Error('pipe\\nburst')"],
    ['rejected', "Promise.reject(new Error('pipe\\nburst'))"],
    ['rejected with something else', "Promise.reject('pipe\\nburst')"],
    ['thrown twice', "setTimeout(() => { throw new Error('again') }, 5); throw new Error('pipe\\nburst')"],
  ] as const)(
    '%s, is one sentence; sound is closed and the exit code is 1',
    async ([, fault], { expect }) => {
      const home = freshHome();
      const { program, wav, strike } = deviceIn(home, fault);
      await program.until(() => program.eventsOf('state').some(({ to }) => to === 'idle'));
      strike();
      expect(await program.exited).toBe(1);
      const said = program.stderr.split('\n').filter((line) => line.includes('[INTERNAL]'));
      expect(said).toEqual([
        expect.stringMatching(
          /^This should not have happened: pipe burst( \(at .*\))?\. Everything is closed and the program ends; start it again\. \[INTERNAL\]$/,
        ),
      ]);
      // The header of the file is written when the loudspeaker is closed.
      expect(existsSync(wav) && readFileSync(wav).readUInt32LE(4)).not.toBe(0xffff_ffff);
      expect(existsSync(controlSocketOf(home))).toBe(false);
    },
  );
});

describe('the control API', () => {
  it('is there while the server that gives the address is not', { timeout: 60_000 }, async ({ expect }) => {
    const silent = createServer(() => {});
    await new Promise<void>((resolve) => silent.listen(0, '127.0.0.1', resolve));
    const { port } = silent.address() as AddressInfo;
    const home = freshHome();
    const program = startProgram(
      ['run', '--server', `http://127.0.0.1:${port}/ota/`, '--mic', 'null', '--speaker', 'null'],
      { home },
    );
    await vi.waitFor(
      async () => expect(await askControl(program, 'GET', '/v1/status')).toMatchObject({ state: 'starting' }),
      { timeout: 15_000, interval: 50 },
    );
    program.child.kill('SIGTERM');
    await program.exited;
    silent.closeAllConnections();
    silent.close();
  });
});
