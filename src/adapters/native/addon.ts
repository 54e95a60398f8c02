import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { NativeAddon } from '../../../native/index.js';
import { messageOf } from '../../core/errors.ts';
import type { ConcealingDecoder } from '../../ports/concealing-decoder.ts';
import type { EchoCanceller, EchoCancellerSettings } from '../../ports/echo-canceller.ts';
import type { OpusEngine } from '../../ports/opus-engine.ts';
import type { VoiceDetector } from '../../ports/voice-detector.ts';
import { NativeEchoCanceller } from './echo-canceller.ts';
import { isWhole } from './elf-file.ts';
import { NativeOpusDecoder } from './opus-decoder.ts';
import { nativeOpusEngine } from './opus-engine.ts';
import { NativeVoiceDetector } from './voice-detector.ts';

/** What the add-on gives on this machine; all of it optional. */
export interface NativeParts {
  /** @throws ClientError INTERNAL */
  readonly createEchoCanceller?: (settings: EchoCancellerSettings) => EchoCanceller;
  /** @throws ClientError OPUS_BAD_FRAME for a rate that Opus does not have */
  readonly createOpusDecoder?: (sampleRateHz: number) => ConcealingDecoder;
  /** libopus as a codec, where @discordjs/opus is missing. */
  readonly opusEngine?: OpusEngine;
  /** At 16 kHz. */
  readonly createVoiceDetector?: () => VoiceDetector;
  /** Names and versions of the libraries, for people. */
  readonly libraries: readonly string[];
  /** A sentence on why there is less than there could be, and what to do; undefined when everything is there. */
  readonly problem?: string;
}

const INTERFACE_VERSION = 1;
const REBUILD = 'run "node scripts/build-native.mjs"';
/** Seen from src/adapters/native/, and from a file of dist/. */
const PLACES = ['../../../native', '../native'];

/**
 * Loads native/ if it has been built. Never throws: everything works without it, and `problem` is for the caller to say
 * once.
 */
export function loadNativeParts(path: string | undefined = findAddon()): NativeParts {
  if (path === undefined) {
    return missing(
      `The native add-on is not built, so there is no echo cancelling of our own; ${REBUILD} (Debian, first: apt install build-essential python3 pkg-config libwebrtc-audio-processing-dev libspeexdsp-dev libopus-dev).`,
    );
  }
  try {
    if (!isWhole(path))
      return missing(
        `The native add-on does not load (the file is cut short): building it was interrupted, or copying it; ${REBUILD} again.`,
      );
    const addon = createRequire(import.meta.url)(path) as NativeAddon;
    if (addon.interfaceVersion === INTERFACE_VERSION) return partsOf(addon);
    return missing(`The native add-on was built from another version of this program; ${REBUILD} again.`);
  } catch (error) {
    return missing(
      `The native add-on does not load (${messageOf(error).split('\n')[0]}): it was built for another Node or another machine, or a library it uses was removed; ${REBUILD} again.`,
    );
  }
}

/** Where it was built, if it was. */
export function findAddon(): string | undefined {
  return PLACES.map((place) =>
    fileURLToPath(new URL(`${place}/build/Release/xiaozhi_native.node`, import.meta.url)),
  ).find((path) => existsSync(path));
}

function missing(problem: string): NativeParts {
  return { libraries: [], problem };
}

function partsOf({
  EchoCanceller,
  OpusDecoder,
  OpusEncoder,
  VoiceDetector,
  echoLibrary,
  opusLibrary,
}: NativeAddon): NativeParts {
  const lacking = [
    EchoCanceller ? [] : 'libwebrtc-audio-processing-dev libspeexdsp-dev',
    OpusDecoder && OpusEncoder ? [] : 'libopus-dev',
  ].flat();
  return {
    ...(EchoCanceller && {
      createEchoCanceller: (settings) => new NativeEchoCanceller(EchoCanceller, settings),
    }),
    ...(OpusDecoder && { createOpusDecoder: (rateHz) => new NativeOpusDecoder(OpusDecoder, rateHz) }),
    ...(OpusDecoder &&
      OpusEncoder && {
        opusEngine: nativeOpusEngine(opusLibrary ?? 'libopus', OpusEncoder, OpusDecoder),
      }),
    ...(VoiceDetector && { createVoiceDetector: () => new NativeVoiceDetector(VoiceDetector) }),
    libraries: [echoLibrary ?? [], opusLibrary ?? []].flat(),
    ...(lacking.length > 0 && {
      problem: `The native add-on was built without some of its libraries (Debian: apt install ${lacking.join(' ')}); ${REBUILD} again.`,
    }),
  };
}
