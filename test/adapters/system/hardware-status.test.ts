import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type networkInterfaces, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { readHardwareStatus } from '../../../src/adapters/system/hardware-status.ts';

let root: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'hardware-'));
});
afterEach(() => rm(root, { recursive: true }));

async function read(interfaces: Record<string, string>, files: Record<string, string> = {}) {
  for (const [file, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, file)), { recursive: true });
    await writeFile(join(root, file), content);
  }
  const addresses = Object.entries(interfaces).map(([name, address]) => [
    name,
    [{ address, family: 'IPv4', internal: name === 'lo' }],
  ]);
  return readHardwareStatus({
    interfaces: () => Object.fromEntries(addresses) as ReturnType<typeof networkInterfaces>,
    sys: join(root, 'sys'),
    proc: join(root, 'proc'),
  });
}

it('is disconnected when there is no network, and leaves out what there is not', async () => {
  expect(await read({ lo: '127.0.0.1' })).toEqual({ network: { type: 'ethernet', state: 'disconnected' } });
});

it('prefers a real card to a bridge', async () => {
  expect(
    await read({ docker0: '172.17.0.1', eth0: '192.0.2.7' }, { 'sys/class/net/eth0/device/vendor': '' }),
  ).toEqual({ network: { type: 'ethernet', state: 'connected', ip: '192.0.2.7' } });
});

it.each([
  [-60, 'strong'],
  [-61, 'medium'],
  [-70, 'medium'],
  [-71, 'weak'],
])('calls %i dBm %s', async (dBm, signal) => {
  const wireless = `Inter-| sta-|   Quality        |\n face | tus | link level noise |\n wlan0: 0000   50.  ${dBm}.  -256        0\n`;
  expect(await read({ wlan0: '192.0.2.8' }, { 'proc/net/wireless': wireless })).toEqual({
    network: { type: 'wifi', signal },
  });
});

it('reads battery and temperature', async () => {
  const supply = 'sys/class/power_supply';
  const files = {
    [`${supply}/AC/type`]: 'Mains\n',
    [`${supply}/BAT0/type`]: 'Battery\n',
    [`${supply}/BAT0/capacity`]: '81\n',
    [`${supply}/BAT0/status`]: 'Charging\n',
    'sys/class/thermal/thermal_zone0/temp': '48312\n',
  };
  expect(await read({}, files)).toEqual({
    network: { type: 'ethernet', state: 'disconnected' },
    battery: { level: 81, charging: true },
    chipTemperature: 48.3,
  });
});

it('reads this machine without failing', async () => {
  expect(await readHardwareStatus()).toHaveProperty('network.type');
});
