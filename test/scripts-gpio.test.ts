import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { endControls, startControl } from './support/control.ts';
import { skipped } from './support/skipped.ts';

afterEach(endControls);

const noCurl = spawnSync('curl', ['--help', 'all'], { encoding: 'utf8' }).stdout?.includes('--json')
  ? undefined
  : 'curl with --json is not installed';

const chips = {
  'Pi 4': 'gpiochip0 [pinctrl-bcm2711] (58 lines)\ngpiochip1 [raspberrypi-exp-gpio] (8 lines)',
  'Pi 5': 'gpiochip0 [gpio-brcmstb@107d508500] (32 lines)\ngpiochip4 [pinctrl-rp1] (54 lines)',
};

/** Programs of libgpiod that play these edges (1: pressed), each so many ms after the one before, and note what they are asked. */
function fakeGpio(
  detect: string,
  version: 1 | 2,
  presses: readonly (0 | 1)[],
  gapsMs: readonly number[] = [],
) {
  const directory = mkdtempSync(join(tmpdir(), 'gpio-'));
  const write = (name: string, text: string) => {
    writeFileSync(join(directory, name), `#!/usr/bin/env bash\n${text}\n`);
    chmodSync(join(directory, name), 0o755);
  };
  const word = version === 1 ? { 1: '0', 0: '1' } : { 1: '2', 0: '1' };
  let atMs = 12_000;
  const edges = presses
    .map((pressed, at) => {
      const gapMs = gapsMs[at] ?? 100;
      atMs += gapMs;
      const [seconds, nanoseconds] = [Math.floor(atMs / 1000), (atMs % 1000) * 1_000_000];
      // As they print it: version 1 does not pad.
      const when =
        version === 1 ? `${seconds} ${nanoseconds}` : `${seconds}.${String(nanoseconds).padStart(9, '0')}`;
      return `sleep ${gapMs / 1000}; echo "${word[pressed]} ${when}"`;
    })
    .join('\n');
  const log = join(directory, 'asked');
  write('gpiodetect', `cat <<'END'\n${detect}\nEND`);
  write(
    'gpiomon',
    `if [[ $1 == --version ]]; then echo "gpiomon (libgpiod) v${version}.1"; exit; fi\necho "$@" >>${log}\n${edges}`,
  );
  write('gpioset', `echo "$@" >>${log}\nexec sleep 30`);
  return { directory, log };
}

async function run(
  script: string,
  fake: ReturnType<typeof fakeGpio>,
  env: Readonly<Record<string, string>> = {},
) {
  const device = await startControl();
  const child = spawn(`scripts/examples/${script}`, {
    env: {
      ...process.env,
      PATH: `${fake.directory}:${process.env.PATH}`,
      XIAOZHI_SOCKET: device.socketPath,
      ...env,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let said = '';
  child.stderr.on('data', (text: Buffer) => {
    said += text;
  });
  const exited = new Promise<number | null>((resolve) => child.once('close', resolve));
  return { device, child, exited, said: () => said };
}

describe.skipIf(noCurl)(`a button at a GPIO${skipped(noCurl)}`, { timeout: 30_000 }, () => {
  test.each([
    ['Pi 4', 1, 'gpiochip0'],
    ['Pi 5', 2, 'gpiochip4'],
  ] as const)('of a %s, with libgpiod %d, is the talk key of the device', async (model, version, chip) => {
    const { device, exited, said } = await run('gpio-button', fakeGpio(chips[model], version, [1, 0]));
    await exited;
    expect(device.performed).toEqual([
      { verb: 'talk', action: 'press' },
      { verb: 'talk', action: 'release' },
    ]);
    expect(said()).toContain(`Button at GPIO 17 of ${chip} (hold)`);
  });

  test.each([1, 2] as const)(
    'is one press however its contact bounces, with libgpiod %d',
    async (version) => {
      const edges = [1, 0, 1, 0, 1, 0, 1, 0] as const;
      const gapsMs = [100, 2, 2, 2, 2, 600, 2, 2];
      const { device, exited } = await run('gpio-button', fakeGpio(chips['Pi 4'], version, edges, gapsMs));
      await vi.waitFor(() => expect(device.performed).toHaveLength(1), 10_000);
      // It is still held.
      await new Promise((resolve) => setTimeout(resolve, 300));
      expect(device.performed).toEqual([{ verb: 'talk', action: 'press' }]);
      await exited;
      expect(device.performed.slice(1)).toEqual([{ verb: 'talk', action: 'release' }]);
    },
  );

  test('toggles where that is wanted, and says what to do without a chip', async () => {
    const toggling = await run('gpio-button', fakeGpio(chips['Pi 4'], 1, [1, 0, 1, 0]), { BUTTON: 'toggle' });
    await toggling.exited;
    expect(toggling.device.performed).toEqual(new Array(2).fill({ verb: 'talk', action: 'toggle' }));
    const none = await run('gpio-button', fakeGpio('gpiochip0 [INT34C5:00] (360 lines)', 1, []));
    expect(await none.exited).not.toBe(0);
    expect(none.said()).toMatch(/No GPIO chip of a Raspberry Pi was found.*GPIOCHIP=/);
  });
});

describe.skipIf(noCurl)(`a lamp at a GPIO${skipped(noCurl)}`, { timeout: 30_000 }, () => {
  test('is off while the device is idle', async () => {
    const fake = fakeGpio(chips['Pi 5'], 2, []);
    const { child, exited } = await run('gpio-led', fake);
    const { readFile } = await import('node:fs/promises');
    await vi.waitFor(
      async () => expect(await readFile(fake.log, 'utf8')).toContain('--chip gpiochip4 27=0'),
      10_000,
    );
    child.kill('SIGTERM');
    await exited;
  });
});
