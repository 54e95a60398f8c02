/** What is used of the module that Emscripten made of libopus (package libopus-wasm). Numbers are addresses in its memory. */
declare module '*/libopus.generated.mjs' {
  export interface LibopusModule {
    /** Views of the memory; others after it has grown. */
    readonly HEAP16: Int16Array;
    readonly HEAPU8: Uint8Array;
    UTF8ToString(address: number): string;
    _malloc(bytes: number): number;
    _free(address: number): void;
    _oc_get_version_string(): number;
    _oc_strerror(result: number): number;
    _oc_create_encoder(rateHz: number, channels: number, application: number, error: number): number;
    _oc_destroy_encoder(encoder: number): void;
    _oc_encoder_ctl(encoder: number, request: number, value: number): number;
    _oc_encode(encoder: number, pcm: number, samples: number, packet: number, maxBytes: number): number;
    _oc_create_decoder(rateHz: number, channels: number, error: number): number;
    _oc_destroy_decoder(decoder: number): void;
    _oc_decode(
      decoder: number,
      packet: number,
      bytes: number,
      pcm: number,
      maxSamples: number,
      fec: number,
    ): number;
  }
  export default function createModule(): Promise<LibopusModule>;
}
