import { readdir, readFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import type { HardwareStatus, NetworkStatus } from '../../ports/device-control.ts';

export interface HardwareSources {
  readonly interfaces?: typeof networkInterfaces;
  /** Where the kernel shows the hardware: `/sys`. */
  readonly sys?: string;
  readonly proc?: string;
}

/** Network, battery and temperature as Linux shows them; what cannot be read is absent (firmware G50, G51). Never rejects. */
export async function readHardwareStatus(sources: HardwareSources = {}): Promise<HardwareStatus> {
  const { interfaces = networkInterfaces, sys = '/sys', proc = '/proc' } = sources;
  const [network, battery, chipTemperature] = await Promise.all([
    readNetwork(interfaces(), sys, proc),
    readBattery(sys),
    readTemperature(sys),
  ]);
  return {
    network,
    ...(battery && { battery }),
    ...(chipTemperature !== undefined && { chipTemperature }),
  };
}

async function readNetwork(
  interfaces: ReturnType<typeof networkInterfaces>,
  sys: string,
  proc: string,
): Promise<NetworkStatus> {
  const wireless = await wirelessSignals(proc);
  const found = await Promise.all(
    Object.entries(interfaces).map(async ([name, addresses = []]) => {
      const ip = addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address;
      // Real cards before bridges and tunnels.
      const real = ip !== undefined && (await listed(`${sys}/class/net/${name}/device`)).length > 0;
      return { name, ip, real };
    }),
  );
  const online = found.filter(({ ip }) => ip !== undefined);
  const chosen = online.find(({ real }) => real) ?? online[0];
  if (!chosen?.ip) return { type: 'ethernet', state: 'disconnected' };
  const dBm = wireless.get(chosen.name);
  if (dBm !== undefined) return { type: 'wifi', signal: signalOf(dBm) };
  return { type: 'ethernet', state: 'connected', ip: chosen.ip };
}

/** Signal level in dBm of each wireless interface, from `/proc/net/wireless`. */
async function wirelessSignals(proc: string): Promise<ReadonlyMap<string, number>> {
  const lines = (await text(`${proc}/net/wireless`)).split('\n').slice(2);
  return new Map(
    lines.flatMap((line) => {
      const [, name, level] = /^\s*(\S+):\s+\S+\s+\S+\s+(-?\d+)/.exec(line) ?? [];
      return name === undefined ? [] : [[name, Number(level)] as const];
    }),
  );
}

function signalOf(dBm: number): 'strong' | 'medium' | 'weak' {
  if (dBm >= -60) return 'strong';
  return dBm >= -70 ? 'medium' : 'weak';
}

async function readBattery(sys: string): Promise<HardwareStatus['battery']> {
  const supplies = `${sys}/class/power_supply`;
  for (const name of await listed(supplies)) {
    if ((await text(`${supplies}/${name}/type`)) !== 'Battery') continue;
    const level = await number(`${supplies}/${name}/capacity`);
    if (level === undefined) continue;
    return { level, charging: (await text(`${supplies}/${name}/status`)) === 'Charging' };
  }
  return undefined;
}

async function readTemperature(sys: string): Promise<number | undefined> {
  const milliCelsius = await number(`${sys}/class/thermal/thermal_zone0/temp`);
  return milliCelsius === undefined ? undefined : Math.round(milliCelsius / 100) / 10;
}

async function number(file: string): Promise<number | undefined> {
  const content = await text(file);
  return content !== '' && Number.isFinite(Number(content)) ? Number(content) : undefined;
}

async function text(file: string): Promise<string> {
  return (await readFile(file, 'utf8').catch(() => '')).trimEnd();
}

async function listed(directory: string): Promise<readonly string[]> {
  return (await readdir(directory).catch((): string[] => [])).sort();
}
