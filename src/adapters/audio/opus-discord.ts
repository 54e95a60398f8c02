import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf } from '../../core/errors.ts';
import type { OpusEncoderSettings } from '../../ports/opus-codec.ts';
import type { OpusEngine, OpusEngineDecoder, OpusEngineEncoder } from '../../ports/opus-engine.ts';
import { packageEntry, requirePackage } from './native-package.ts';
import { encoderRequests, OpusRequest } from './opus-requests.ts';

/** The part of @discordjs/opus that is used. One object holds an encoder and a decoder, each made when first needed. */
interface NativeOpus {
  encode(pcm: Buffer): Buffer;
  decode(packet: Buffer): Buffer;
  applyEncoderCTL(request: number, value: number): void;
  applyDecoderCTL(request: number, value: number): void;
}

type NativeOpusClass = new (sampleRateHz: number, channels: number) => NativeOpus;

/** What loading the package asks of its surroundings. */
export interface DiscordOpusParts {
  /** False for a file that is cut short: loading it would end the process. */
  readonly isWhole: (path: string) => boolean;
  /** Where the package lies, if it is installed. */
  readonly locate?: () => string | undefined;
}

/**
 * libopus by way of @discordjs/opus. Its binary is loaded without the package's own search, which knows only the one that
 * was made for this very version of Node, costs as much as all else that a start loads, and believes every file: the binary
 * is built on Node-API, so the one of last year's Node is as good.
 * @throws Error whose message completes "@discordjs/opus cannot be used: "
 */
export function loadDiscordOpus({ isWhole, locate = findPackage }: DiscordOpusParts): OpusEngine {
  const directory = locate();
  if (directory === undefined) throw new Error('it is not installed');
  const problems: string[] = [];
  for (const path of binariesIn(directory)) {
    try {
      if (!isWhole(path)) throw new Error('its file is cut short');
      const { OpusEncoder } = requirePackage(path) as { readonly OpusEncoder: NativeOpusClass };
      return engineOf(OpusEncoder);
    } catch (error) {
      problems.push(messageOf(error).split('\n')[0] as string);
    }
  }
  throw new Error(problems[0] ?? 'its binary was neither fetched nor built for this machine');
}

function findPackage(): string | undefined {
  const entry = packageEntry('@discordjs/opus');
  return entry && join(dirname(entry), '..');
}

/** `prebuild/node-v115-napi-v3-linux-x64-glibc-2.36/opus.node`: those for this kind of machine, this Node's first. */
function binariesIn(directory: string): readonly string[] {
  const prebuilt = join(directory, 'prebuild');
  if (!existsSync(prebuilt)) return [];
  const isOfThisNode = (name: string) => name.startsWith(`node-v${process.versions.modules}-`);
  return readdirSync(prebuilt)
    .filter((name) => name.includes(`-${process.platform}-${process.arch}-`))
    .sort((one, other) => Number(isOfThisNode(other)) - Number(isOfThisNode(one)))
    .map((name) => join(prebuilt, name, 'opus.node'))
    .filter((path) => existsSync(path));
}

function engineOf(Native: NativeOpusClass): OpusEngine {
  return {
    name: '@discordjs/opus',
    createEncoder: (settings) => new DiscordEncoder(Native, settings),
    createDecoder: (sampleRateHz) => new DiscordDecoder(Native, sampleRateHz),
  };
}

class DiscordEncoder implements OpusEngineEncoder {
  readonly #native: NativeOpus;

  constructor(Native: NativeOpusClass, settings: OpusEncoderSettings) {
    this.#native = new Native(settings.sampleRateHz, 1);
    for (const [request, value] of encoderRequests(settings)) this.#native.applyEncoderCTL(request, value);
  }

  encode(pcm: Int16Array): Uint8Array {
    return this.#native.encode(Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength));
  }

  reset(): void {
    this.#native.applyEncoderCTL(OpusRequest.resetState, 0);
  }
}

class DiscordDecoder implements OpusEngineDecoder {
  readonly #native: NativeOpus;

  constructor(Native: NativeOpusClass, sampleRateHz: number) {
    this.#native = new Native(sampleRateHz, 1);
  }

  decode(packet: Uint8Array): Int16Array {
    const bytes = this.#native.decode(asBuffer(packet));
    return new Int16Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 2);
  }

  reset(): void {
    this.#native.applyDecoderCTL(OpusRequest.resetState, 0);
  }
}

/** Sockets deliver Buffers already. */
function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
