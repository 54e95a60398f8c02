import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile, stat, statfs } from 'node:fs/promises';
import { arch, availableParallelism, cpus, freemem, networkInterfaces } from 'node:os';

/** What a Linux computer has in place of what an ESP32 reports about itself (firmware A14, A15). */
export interface SystemFacts {
  readonly chipModel: string;
  readonly cores: number;
  readonly freeMemoryBytes: number;
  /** Size of the root file system. */
  readonly storageBytes: number;
  readonly program: { readonly builtAt: Date; readonly sha256: string };
  /** The interface the device most likely talks through; undefined when there is none. */
  readonly network?: { readonly wireless: boolean; readonly ip: string } | undefined;
}

export async function readSystemFacts(): Promise<SystemFacts> {
  const [storageBytes, program] = await Promise.all([rootSizeBytes(), readProgram(process.argv[1])]);
  return {
    chipModel: cpus()[0]?.model.trim() || arch(),
    cores: availableParallelism(),
    freeMemoryBytes: freemem(),
    storageBytes,
    program,
    network: chooseNetwork(),
  };
}

async function rootSizeBytes(): Promise<number> {
  try {
    const { blocks, bsize } = await statfs('/');
    return blocks * bsize;
  } catch {
    return 0;
  }
}

/** The bundle is written when it is built, so its date is the compile time. */
async function readProgram(file = ''): Promise<SystemFacts['program']> {
  try {
    const [{ mtime }, bytes] = await Promise.all([stat(file), readFile(file)]);
    return { builtAt: mtime, sha256: createHash('sha256').update(bytes).digest('hex') };
  } catch {
    return { builtAt: new Date(0), sha256: '0'.repeat(64) };
  }
}

/** Real cards before bridges and tunnels. */
function chooseNetwork(): SystemFacts['network'] {
  const found = Object.entries(networkInterfaces()).flatMap(([name, addresses = []]) => {
    const ip = addresses.find(({ internal, family }) => !internal && family === 'IPv4')?.address;
    return ip === undefined ? [] : [{ name, ip, real: existsSync(`/sys/class/net/${name}/device`) }];
  });
  const chosen = found.find(({ real }) => real) ?? found[0];
  return chosen && { wireless: existsSync(`/sys/class/net/${chosen.name}/wireless`), ip: chosen.ip };
}
