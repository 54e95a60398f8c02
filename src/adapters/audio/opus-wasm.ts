import type { LibopusModule } from '../../../node_modules/libopus-wasm/dist/generated/libopus.generated.mjs';
import type { OpusEncoderSettings } from '../../ports/opus-codec.ts';
import type { OpusEngine, OpusEngineDecoder, OpusEngineEncoder } from '../../ports/opus-engine.ts';
import { MAX_PACKET_BYTES } from './opus-guards.ts';
import { encoderRequests } from './opus-requests.ts';

/** OPUS_APPLICATION_AUDIO, as @discordjs/opus has it. */
const APPLICATION_AUDIO = 2049;
/** 120 ms at the highest rate. */
const MAX_SAMPLES = 120 * 48;
/** 120 ms as six frames of the largest size, and their lengths. */
const MAX_ENCODED_BYTES = 6 * 1277;

/**
 * libopus as WebAssembly, for machines on which nothing can be compiled. The module below the package's own interface is
 * used, because that makes encoders only in a promise and lacks the long frames. It is bundled, so it cannot be missing.
 */
export async function loadWasmOpus(): Promise<OpusEngine> {
  const { default: createModule } = await import(
    '../../../node_modules/libopus-wasm/dist/generated/libopus.generated.mjs'
  );
  const memory = new Memory(await createModule());
  return {
    name: `${memory.text(memory.libopus._oc_get_version_string())} as WebAssembly`,
    createEncoder: (settings) => new WasmEncoder(memory, settings),
    createDecoder: (sampleRateHz) => new WasmDecoder(memory, sampleRateHz),
  };
}

/** The memory of the module, with room for one frame and one packet: calls are synchronous, so one of each is enough. */
class Memory {
  readonly libopus: LibopusModule;
  readonly pcm: number;
  readonly packet: number;
  /** Of what nobody holds any more, the memory in the module is given back. */
  readonly #forgotten = new FinalizationRegistry<() => void>((free) => free());

  constructor(libopus: LibopusModule) {
    this.libopus = libopus;
    this.pcm = libopus._malloc(MAX_SAMPLES * 2);
    this.packet = libopus._malloc(MAX_PACKET_BYTES);
  }

  text(address: number): string {
    return this.libopus.UTF8ToString(address);
  }

  checked(result: number): number {
    if (result < 0) throw new Error(this.text(this.libopus._oc_strerror(result)));
    return result;
  }

  /** An encoder or a decoder of libopus that lives as long as `owner` does. */
  keep(owner: object, create: (error: number) => number, destroy: (address: number) => void): Kept {
    const make = () => {
      const address = create(this.packet);
      if (address === 0) throw new Error('libopus has no memory left');
      return address;
    };
    const kept = { address: make(), renew: () => {} };
    kept.renew = () => {
      destroy(kept.address);
      kept.address = make();
    };
    this.#forgotten.register(owner, () => destroy(kept.address));
    return kept;
  }
}

interface Kept {
  readonly address: number;
  /** Another one in its place. */
  renew(): void;
}

class WasmEncoder implements OpusEngineEncoder {
  readonly #memory: Memory;
  readonly #settings: OpusEncoderSettings;
  readonly #encoder: Kept;

  constructor(memory: Memory, settings: OpusEncoderSettings) {
    const { libopus } = memory;
    this.#memory = memory;
    this.#settings = settings;
    const { sampleRateHz } = settings;
    this.#encoder = memory.keep(
      this,
      (error) => libopus._oc_create_encoder(sampleRateHz, 1, APPLICATION_AUDIO, error),
      (encoder) => libopus._oc_destroy_encoder(encoder),
    );
    this.#configure();
  }

  encode(pcm: Int16Array): Uint8Array {
    const memory = this.#memory;
    const { libopus, pcm: input, packet } = memory;
    libopus.HEAP16.set(pcm, input >> 1);
    const result = libopus._oc_encode(this.#encoder.address, input, pcm.length, packet, MAX_ENCODED_BYTES);
    const bytes = memory.checked(result);
    return libopus.HEAPU8.slice(packet, packet + bytes);
  }

  reset(): void {
    this.#encoder.renew();
    this.#configure();
  }

  #configure(): void {
    for (const [request, value] of encoderRequests(this.#settings)) {
      const { address } = this.#encoder;
      this.#memory.checked(this.#memory.libopus._oc_encoder_ctl(address, request, value));
    }
  }
}

class WasmDecoder implements OpusEngineDecoder {
  readonly #memory: Memory;
  readonly #decoder: Kept;

  constructor(memory: Memory, sampleRateHz: number) {
    const { libopus } = memory;
    this.#memory = memory;
    this.#decoder = memory.keep(
      this,
      (error) => libopus._oc_create_decoder(sampleRateHz, 1, error),
      (decoder) => libopus._oc_destroy_decoder(decoder),
    );
  }

  decode(packet: Uint8Array): Int16Array {
    const memory = this.#memory;
    const { libopus, pcm } = memory;
    libopus.HEAPU8.set(packet, memory.packet);
    const { address } = this.#decoder;
    const samples = memory.checked(
      libopus._oc_decode(address, memory.packet, packet.length, pcm, MAX_SAMPLES, 0),
    );
    return libopus.HEAP16.slice(pcm >> 1, (pcm >> 1) + samples);
  }

  reset(): void {
    this.#decoder.renew();
  }
}
