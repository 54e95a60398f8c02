import { findAddon, loadNativeParts } from '../../adapters/native/addon.ts';
import { BETTER_CODEC_LINE, chooseOpusCodec } from '../../app-codec.ts';
import { messageOf } from '../../core/errors.ts';
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

/** Chosen as at a start. */
async function checkCodec(): Promise<Finding> {
  try {
    const { binding, passedOver } = await chooseOpusCodec();
    if (passedOver.length === 0) return ok('Opus codec', binding);
    const why = passedOver.join('\n');
    return note('Opus codec', `${binding}, which works and costs more.\n${why}`, BETTER_CODEC_LINE);
  } catch (error) {
    return fault('Opus codec', messageOf(error));
  }
}

function checkAddon(): Finding {
  if (findAddon() === undefined) return ok('Native add-on', 'not built; the device does without');
  const { libraries, problem } = loadNativeParts();
  const built = `built with ${libraries.join(', ')}`;
  return problem === undefined ? ok('Native add-on', built) : note('Native add-on', problem);
}
