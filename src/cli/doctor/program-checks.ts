import { probePackage } from '../../adapters/audio/native-package.ts';
import { findAddon, loadNativeParts } from '../../adapters/native/addon.ts';
import { type Finding, fault, note, ok } from './finding.ts';

/** Node, the codec and the native add-on. */
export async function checkProgram(): Promise<Finding[]> {
  return [checkNode(process.versions.node), await checkCodec(), checkAddon()];
}

export function checkNode(version: string): Finding {
  return Number.parseInt(version, 10) >= 20
    ? ok('Node.js', version)
    : fault(
        'Node.js',
        `${version} is too old.`,
        'Install Node.js 20 or newer from your distribution or nodejs.org.',
      );
}

async function checkCodec(): Promise<Finding> {
  const probe = await probePackage('@discordjs/opus');
  if (probe.ok) return ok('Opus codec', '@discordjs/opus loads');
  const what = probe.installed ? 'does not load here' : 'is not installed';
  const command = probe.installed ? 'npm rebuild @discordjs/opus' : 'npm install';
  return fault(
    'Opus codec',
    `@discordjs/opus ${what}.`,
    `Run "${command}"; without network access to its prebuilt files it needs a C++ compiler, make and python3.`,
  );
}

function checkAddon(): Finding {
  if (findAddon() === undefined) return ok('Native add-on', 'not built; the device does without');
  const { libraries, problem } = loadNativeParts();
  const built = `built with ${libraries.join(', ')}`;
  return problem === undefined ? ok('Native add-on', built) : note('Native add-on', problem);
}
