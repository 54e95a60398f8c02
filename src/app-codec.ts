import { type ChosenOpus, chooseOpus, type OpusCandidate } from './adapters/audio/choose-opus.ts';
import { loadDiscordOpus } from './adapters/audio/opus-discord.ts';
import { loadWasmOpus } from './adapters/audio/opus-wasm.ts';
import { loadNativeParts } from './adapters/native/addon.ts';
import { isWhole } from './adapters/native/elf-file.ts';
import type { OpusCodec } from './ports/opus-codec.ts';
import type { OpusEngine } from './ports/opus-engine.ts';

/** The line that brings the codec that is taken first. */
export const BETTER_CODEC_LINE = 'apt install build-essential python3 && npm run packages';

/** The bindings of libopus, the best first: fewest instructions, then what can be had without a compiler. */
export const opusCandidates: readonly OpusCandidate[] = [
  { name: '@discordjs/opus', load: () => loadDiscordOpus({ isWhole }) },
  { name: 'the native add-on', load: loadNativeOpus },
  { name: 'WebAssembly', load: loadWasmOpus },
];

/**
 * The Opus codec of this machine.
 * @throws ClientError OPUS_UNAVAILABLE
 */
export async function loadOpusCodec(): Promise<OpusCodec> {
  return (await chooseOpusCodec()).codec;
}

/** The same with what was passed over, for those who tell people. */
export function chooseOpusCodec(): Promise<ChosenOpus> {
  return chooseOpus(opusCandidates);
}

function loadNativeOpus(): OpusEngine {
  const { opusEngine, problem } = loadNativeParts();
  if (opusEngine) return opusEngine;
  throw new Error(problem ?? 'it was built without libopus');
}
