import { createEndpointer } from '../audio/endpointer.ts';
import type { OpusCodec, OpusDecoder } from '../ports/opus-codec.ts';
import { downlinkFormat } from './device-link.ts';

export type ListeningMode = 'auto' | 'manual' | 'realtime';

const usualPreRollMs = 300;
const minSpeechMs = 120;
const hangoverMs = 700;
/** Of the hangover this much stays in the recording, so that the last word fades out. */
const keptTailMs = 200;
const maxUtteranceMs = 30_000;

/** Opus decodes at any rate, so what is repeated is decoded at the rate it is sent back with. */
const { sampleRateHz } = downlinkFormat;
const samples = (durationMs: number): number => (durationMs * sampleRateHz) / 1000;

export interface UtteranceRecorderOptions {
  readonly codec: OpusCodec;
  /** What is kept from before somebody speaks; 300 unless given. */
  readonly preRollMs?: number;
  /** Longer packets are skipped. */
  readonly maxPacketMs?: number;
  /** Somebody began to speak. */
  onSpeechStarted(): void;
  /** What was said, at the downlink's rate, with its pre-roll; undefined when a manual recording held no speech. */
  onUtterance(pcm: Int16Array | undefined): void;
}

export interface UtteranceRecorder {
  /** Packets that were no Opus; they are skipped. */
  readonly badPackets: number;
  /** Forgets what was recorded and listens: `manual` until `finish`, the others until the speaker pauses. */
  start(mode: ListeningMode): void;
  /** The device says the turn is over. Ignored when not listening. */
  finish(): void;
  /** Hands over all that is kept, speech or not, and forgets it. */
  take(): { readonly pcm: Int16Array; readonly heard: boolean };
  /** Forgets what was recorded; goes on as before. */
  reset(): void;
  push(packet: Uint8Array): void;
}

/**
 * Uplink packets in, utterances out. Holds at most 30 s: after that an `auto` turn is ended by force and the rest of a
 * `manual` one is not kept. Time is counted in samples, so it does not matter how fast the packets come.
 */
export function createUtteranceRecorder(options: UtteranceRecorderOptions): UtteranceRecorder {
  const { codec, preRollMs = usualPreRollMs, maxPacketMs = 120, onSpeechStarted, onUtterance } = options;
  let decoder: OpusDecoder | undefined;
  let mode: ListeningMode = 'auto';
  let listening = true;
  let speaking = false;
  let heard = false;
  let chunks: Int16Array[] = [];
  let recordedSamples = 0;
  let badPackets = 0;

  const endpointer = createEndpointer({
    sampleRateHz,
    hangoverMs,
    minSpeechMs,
    onSpeechStarted: () => {
      speaking = true;
      heard = true;
      onSpeechStarted();
    },
    onSpeechEnded: () => {
      speaking = false;
      if (mode !== 'manual') deliver(samples(hangoverMs - keptTailMs));
    },
  });

  function reset(): void {
    endpointer.reset();
    decoder?.reset();
    forget();
  }

  function forget(): void {
    speaking = false;
    heard = false;
    chunks = [];
    recordedSamples = 0;
  }

  function deliver(trimmedSamples: number): void {
    const pcm = joined(chunks, Math.max(0, recordedSamples - trimmedSamples));
    forget();
    onUtterance(pcm);
  }

  function keep(pcm: Int16Array): void {
    chunks.push(pcm);
    recordedSamples += pcm.length;
    if (mode === 'manual' || speaking) return;
    const preRoll = samples(preRollMs + minSpeechMs);
    for (let first = chunks[0]; first && recordedSamples - first.length >= preRoll; first = chunks[0]) {
      chunks.shift();
      recordedSamples -= first.length;
    }
  }

  function decode(packet: Uint8Array): Int16Array | undefined {
    decoder ??= codec.createDecoder(sampleRateHz);
    try {
      return decoder.decode(packet);
    } catch {
      badPackets += 1;
      return undefined;
    }
  }

  return {
    get badPackets() {
      return badPackets;
    },
    start(wanted) {
      reset();
      mode = wanted;
      listening = true;
    },
    finish() {
      if (!listening) return;
      listening = false;
      if (heard) {
        deliver(0);
        return;
      }
      forget();
      onUtterance(undefined);
    },
    take() {
      const taken = { pcm: joined(chunks, recordedSamples), heard };
      reset();
      return taken;
    },
    reset,
    push(packet) {
      if (!listening) return;
      const pcm = decode(packet);
      if (!pcm || pcm.length > samples(maxPacketMs)) return;
      if (recordedSamples + pcm.length <= samples(maxUtteranceMs)) keep(pcm);
      else if (mode !== 'manual') {
        endpointer.reset();
        deliver(0);
      }
      endpointer.push(pcm);
    },
  };
}

function joined(chunks: readonly Int16Array[], length: number): Int16Array {
  const all = new Int16Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk.subarray(0, Math.max(0, length - at)), at);
    at = Math.min(length, at + chunk.length);
  }
  return all;
}
