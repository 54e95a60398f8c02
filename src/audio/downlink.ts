import { BoundedQueue } from '../core/bounded-queue.ts';
import type { Clock, TimerHandle } from '../core/clock.ts';
import { type ClientError, toClientError } from '../core/errors.ts';
import type { Loudspeaker } from '../ports/loudspeaker.ts';
import type { OpusCodec, OpusDecoder } from '../ports/opus-codec.ts';
import { samplesPerFrame } from './format.ts';
import { Gain } from './gain.ts';
import { Gate } from './gate.ts';
import { createResampler, type Resampler } from './resampler.ts';

/** One minute of 60 ms packets: some servers send a whole answer as fast as the network takes it. Newest dropped. */
const maxQueuedPackets = 1_000;
/** The largest packet RFC 6716 can make for 120 ms of mono; anything longer is no speech and is not kept. */
const maxPacketBytes = 7_662;
/** Packets that overtook their `tts start` over UDP: servers begin with a burst of six. */
const maxHeldPackets = 16;
const maxHeldMs = 300;
const soundFrameMs = 60;
/** Rates at which libopus decodes whatever the sender used; other loudspeakers get 48 kHz resampled. */
const opusRatesHz: readonly number[] = [8_000, 12_000, 16_000, 24_000, 48_000];

/** What the machine is told; edges, never levels. */
export interface PlaybackEdges {
  /** First sound of an answer, or first after a gap. */
  onStarted(): void;
  /** All that has come has been heard, but the answer is not finished. */
  onStarved(): void;
  /** The last sample of a finished answer has been heard. */
  onDrained(): void;
  /** Sound that had not been heard yet was thrown away. */
  onFlushed(): void;
}

export interface DownlinkOptions {
  readonly codec: OpusCodec;
  readonly clock: Clock;
  readonly volumePercent: number;
  readonly edges: PlaybackEdges;
  readonly onProblem: (error: ClientError) => void;
}

export interface DownlinkCounters {
  readonly received: number;
  readonly decoded: number;
  readonly concealed: number;
  readonly late: number;
  readonly dropped: number;
  readonly played: number;
  readonly underruns: number;
}

/**
 * Transport → gate → queue → Opus → volume → loudspeaker. Playback is pulled: the next packet is decoded when the
 * loudspeaker has room, so after a flush no more than what it holds itself can still be heard, and no timer is needed.
 */
export class Downlink {
  readonly #options: DownlinkOptions;
  readonly #gate: Gate<Uint8Array>;
  /** Opus packets, and frames of sounds of our own at the loudspeaker's rate. */
  readonly #queue = new BoundedQueue<Uint8Array | Int16Array>(maxQueuedPackets, 'drop-newest');
  readonly #gain: Gain;
  #output: { loudspeaker: Loudspeaker; decoder: OpusDecoder; resampler: Resampler } | undefined;
  /** Raised by every flush; whoever waited for the loudspeaker under an older number finds nothing left to do. */
  #epoch = 0;
  #opening = false;
  #pumping = false;
  #sounding = false;
  #finishing = false;
  #starved = false;
  #silenceTimer: TimerHandle;
  #received = 0;
  #decoded = 0;
  #bad = 0;
  #flushed = 0;
  #played = 0;
  #underruns = 0;

  constructor(options: DownlinkOptions) {
    this.#options = options;
    this.#gain = new Gain(options.volumePercent);
    this.#gate = new Gate({
      clock: options.clock,
      capacity: maxHeldPackets,
      maxAgeMs: maxHeldMs,
      copy: (packet) => packet,
      sink: (packet) => this.#enqueue(packet),
    });
  }

  /** A loudspeaker is being opened: what comes now waits for it. */
  expectOutput(): void {
    this.#opening = true;
  }

  connect(loudspeaker: Loudspeaker): void {
    this.#opening = false;
    const decodeHz = opusRatesHz.includes(loudspeaker.sampleRateHz) ? loudspeaker.sampleRateHz : 48_000;
    this.#output = {
      loudspeaker,
      decoder: this.#options.codec.createDecoder(decodeHz),
      resampler: createResampler(decodeHz, loudspeaker.sampleRateHz),
    };
    this.#pump();
    if (this.#finishing && !this.#pumping) this.#awaitSilence();
  }

  /** The loudspeaker is gone: nothing will be heard, and whoever waits for the end of the answer is told so. */
  disconnect(): void {
    const wasFinishing = this.#finishing;
    this.flush();
    this.#output = undefined;
    this.#opening = false;
    if (wasFinishing) this.#drained();
  }

  setGate(position: 'closed' | 'holding' | 'open'): void {
    this.#gate.set(position);
  }

  setVolume(volumePercent: number): void {
    this.#gain.setVolume(volumePercent);
  }

  /** One Opus packet; lent. */
  push(packet: Uint8Array): void {
    this.#received += 1;
    if (packet.length === 0 || packet.length > maxPacketBytes) this.#bad += 1;
    else this.#gate.push(packet.slice());
  }

  /** An answer begins; what is left of the one before is still played. */
  begin(): void {
    this.#finishing = false;
    this.#starved = false;
    if (!this.#sounding) this.#output?.decoder.reset();
  }

  /** A sound of our own, mono PCM, heard like an answer; `finish` belongs behind it. Cut after a minute. */
  playSound(pcm: Int16Array, sampleRateHz: number): void {
    const outputHz = this.#output?.loudspeaker.sampleRateHz ?? sampleRateHz;
    const sound = createResampler(sampleRateHz, outputHz).push(pcm);
    const samples = samplesPerFrame(outputHz, soundFrameMs);
    for (let from = 0; from < sound.length; from += samples) this.#enqueue(sound.slice(from, from + samples));
  }

  /** No more packets are expected: `onDrained` follows, at the latest when the last sample has been heard. */
  finish(): void {
    this.#finishing = true;
    if (!this.#pumping && !this.#opening) this.#awaitSilence();
  }

  /** Silence at once; packets and samples not yet heard are forgotten. */
  flush(): void {
    const wasSounding = this.#sounding || this.#queue.length > 0;
    this.#epoch += 1;
    this.#pumping = false;
    this.#sounding = false;
    this.#flushed += this.#queue.clear();
    this.#options.clock.clearTimeout(this.#silenceTimer);
    this.#output?.loudspeaker.flush();
    this.#output?.decoder.reset();
    this.#output?.resampler.reset();
    this.#finishing = false;
    if (wasSounding) this.#options.edges.onFlushed();
  }

  get counters(): DownlinkCounters {
    return {
      received: this.#received,
      decoded: this.#decoded,
      concealed: 0,
      late: 0,
      dropped: this.#gate.dropped + this.#queue.dropped + this.#bad + this.#flushed,
      played: this.#played,
      underruns: this.#underruns,
    };
  }

  #enqueue(packet: Uint8Array | Int16Array): void {
    if (this.#output || this.#opening) this.#queue.push(packet);
    else this.#flushed += 1;
    this.#pump();
  }

  /** Decodes and writes as long as there are packets; the first step runs in the caller's own call. */
  #pump(): void {
    if (this.#pumping || !this.#output || this.#queue.length === 0) return;
    this.#pumping = true;
    this.#step(this.#epoch);
  }

  #step(epoch: number): void {
    for (let packet = this.#queue.shift(); packet && this.#output; packet = this.#queue.shift()) {
      const pcm = packet instanceof Int16Array ? packet : this.#decode(packet);
      if (!pcm) continue;
      this.#gain.apply(pcm);
      this.#soundBegins();
      void this.#output.loudspeaker.write(pcm).then(() => {
        if (epoch !== this.#epoch) return;
        this.#played += 1;
        this.#step(epoch);
      });
      return;
    }
    this.#pumping = false;
    this.#awaitSilence();
  }

  #decode(packet: Uint8Array): Int16Array | undefined {
    try {
      const pcm = this.#output?.decoder.decode(packet);
      if (!pcm) return undefined;
      this.#decoded += 1;
      return this.#output?.resampler.push(pcm);
    } catch (thrown) {
      this.#bad += 1;
      this.#options.onProblem(toClientError(thrown));
      return undefined;
    }
  }

  #soundBegins(): void {
    this.#options.clock.clearTimeout(this.#silenceTimer);
    if (this.#sounding) return;
    this.#sounding = true;
    // Only sound that goes on makes the silence before it a gap; at the end of an answer it is the end.
    if (this.#starved) this.#underruns += 1;
    this.#starved = false;
    this.#options.edges.onStarted();
  }

  /** Nothing to decode: when the loudspeaker has played what it holds, this was the end or a gap. */
  #awaitSilence(): void {
    this.#options.clock.clearTimeout(this.#silenceTimer);
    const epoch = this.#epoch;
    const pendingMs = this.#output?.loudspeaker.pendingMs() ?? 0;
    if (pendingMs <= 0) {
      this.#silent();
      return;
    }
    this.#silenceTimer = this.#options.clock.setTimeout(() => {
      if (epoch === this.#epoch && !this.#pumping) this.#awaitSilence();
    }, Math.ceil(pendingMs));
  }

  #silent(): void {
    const wasSounding = this.#sounding;
    this.#sounding = false;
    if (this.#finishing) this.#drained();
    else if (wasSounding) {
      this.#starved = true;
      this.#options.edges.onStarved();
    }
  }

  #drained(): void {
    this.#finishing = false;
    this.#options.edges.onDrained();
  }
}
