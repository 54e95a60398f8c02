import { BoundedQueue } from '../core/bounded-queue.ts';
import type { Clock, TimerHandle } from '../core/clock.ts';
import { type ClientError, toClientError } from '../core/errors.ts';
import type { Loudspeaker } from '../ports/loudspeaker.ts';
import { DecodingChain, type DecodingChainOptions } from './decoding-chain.ts';
import { durationMs, samplesPerFrame } from './format.ts';
import { Gain, levelDbfs } from './gain.ts';
import { Gate } from './gate.ts';
import { HeardMeter } from './heard-meter.ts';
import { JitterBuffer } from './jitter-buffer.ts';
import type { PlaybackTimestamps } from './playback-timestamps.ts';
import { createResampler } from './resampler.ts';

/** Half a minute of frames of our own sounds; newest dropped. */
const maxQueuedSounds = 500;
/** What is as soft as this is not heard to be a moment longer or shorter. */
const quietDbfs = -50;
const quietStride = 16;
/** The largest packet RFC 6716 can make for 120 ms of mono; anything longer is no speech and is not kept. */
const maxPacketBytes = 7_662;
/** Packets that overtook their `tts start` over UDP: servers begin with a burst of six. */
const maxHeldPackets = 16;
const maxHeldMs = 300;
const soundFrameMs = 60;
/** Who has heard a second of an answer has noticed it. */
const defaultHeardThresholdMs = 1_000;
/** What the machine is told; edges, never levels. */
export interface PlaybackEdges {
  /** First sound of an answer, or first after a gap. */
  onStarted(): void;
  /** All that has come has been heard, but the answer is not finished. */
  onStarved(): void;
  /**
   * `heardThresholdMs` of the answer that began last have left the loudspeaker, or all of it where it was shorter; then it comes
   * right before `onDrained`. Once per answer, and never for one of which nothing sounded or that was cut off before.
   */
  onHeard?(): void;
  /** The last sample of a finished answer has been heard. */
  onDrained(): void;
  /** Sound that had not been heard yet was thrown away. */
  onFlushed(): void;
}

export interface DownlinkOptions extends DecodingChainOptions {
  readonly clock: Clock;
  readonly volumePercent: number;
  readonly edges: PlaybackEdges;
  /** After so much of its sound an answer counts as heard, in ms; 1000 unless told. */
  readonly heardThresholdMs?: number;
  readonly onProblem: (error: ClientError) => void;
  /** Told the server's timestamp of each frame that has been played; for a server that cancels echo. */
  readonly timestamps?: PlaybackTimestamps | undefined;
}

export interface DownlinkCounters {
  readonly received: number;
  readonly decoded: number;
  readonly concealed: number;
  readonly late: number;
  /** Never decoded. */
  readonly dropped: number;
  /** Less than `decoded` by frames of silence that were left out, because playback had fallen behind. */
  readonly played: number;
  readonly underruns: number;
}

interface Received {
  readonly packet: Uint8Array;
  readonly timestampMs: number;
  readonly sequence: number | undefined;
}

interface Output {
  readonly loudspeaker: Loudspeaker;
  readonly chain: DecodingChain;
}

/**
 * Transport → gate → jitter buffer → Opus → volume → loudspeaker. Playback is pulled: the next packet is decoded when the
 * loudspeaker has room, so after a flush no more than what it holds itself can still be heard, and no timer is needed.
 */
export class Downlink {
  readonly #options: DownlinkOptions;
  readonly #gate: Gate<Received>;
  readonly #buffer: JitterBuffer;
  /** Frames of sounds of our own, at the loudspeaker's rate. */
  readonly #sounds = new BoundedQueue<Int16Array>(maxQueuedSounds, 'drop-newest');
  readonly #gain: Gain;
  readonly #heard: HeardMeter;
  #output: Output | undefined;
  /** Raised by every flush; whoever waited for the loudspeaker under an older number finds nothing left to do. */
  #epoch = 0;
  #isLossy = false;
  #opening = false;
  #pumping = false;
  #sounding = false;
  #finishing = false;
  #starved = false;
  /** What was played last was nearly silence. */
  #quiet = true;
  /** The server's timestamp of what is being given to the loudspeaker; 0: it has none. */
  #timestampMs = 0;
  /** The answer that it belongs to; undefined: made up. */
  #answer: number | undefined;
  #silenceTimer: TimerHandle;
  #waitTimer: TimerHandle;
  #received = 0;
  #decoded = 0;
  #bad = 0;
  #unheard = 0;
  #played = 0;
  #underruns = 0;

  constructor(options: DownlinkOptions) {
    this.#options = options;
    this.#gain = new Gain(options.volumePercent);
    this.#gate = new Gate({
      clock: options.clock,
      capacity: maxHeldPackets,
      maxAgeMs: maxHeldMs,
      copy: (received) => ({ ...received, packet: new Uint8Array(received.packet) }),
      sink: (received) => this.#enqueue(received),
    });
    this.#buffer = new JitterBuffer({
      clock: options.clock,
      durationOf: (packet) => options.codec.packetDurationMs(packet),
    });
    this.#heard = new HeardMeter({
      clock: options.clock,
      thresholdMs: options.heardThresholdMs ?? defaultHeardThresholdMs,
      pendingMs: () => this.#output?.loudspeaker.pendingMs() ?? 0,
      onHeard: () => options.edges.onHeard?.(),
    });
  }

  /** A loudspeaker is being opened: what comes now waits for it. */
  expectOutput(): void {
    this.#opening = true;
  }

  connect(loudspeaker: Loudspeaker): void {
    this.#opening = false;
    const chain = new DecodingChain(this.#options, loudspeaker.sampleRateHz, this.#isLossy);
    this.#output = { loudspeaker, chain };
    this.#pump();
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

  /** Softer than the volume says, while the person speaks over it; the next sound begins at full volume. */
  duck(loudness: 'full' | 'ducked'): void {
    this.#gain.duck(loudness);
  }

  /** One Opus packet, lent, with its number where the wire has one. */
  push(packet: Uint8Array, timestampMs = 0, sequence?: number): void {
    this.#received += 1;
    if (packet.length === 0 || packet.length > maxPacketBytes) this.#bad += 1;
    else this.#gate.push({ packet, timestampMs, sequence });
  }

  /** A new session: its packets are numbered anew. `isLossy`: on a road that loses some of them. */
  newStream({ isLossy }: { readonly isLossy: boolean }): void {
    this.#buffer.newStream();
    if (isLossy === this.#isLossy) return;
    this.#isLossy = isLossy;
    this.#output?.chain.setLossy(isLossy);
  }

  /** How long the packet played last had waited here. */
  get jitterDelayMs(): number {
    return Math.round(this.#buffer.delayMs);
  }

  /** An answer begins; what is left of the one before is still played. */
  begin(): void {
    this.#finishing = false;
    this.#starved = false;
    this.#gain.duck('full');
    this.#buffer.begin();
    this.#heard.begin(this.#buffer.answer);
    if (this.#sounding) return;
    this.#options.timestamps?.clear();
    this.#output?.chain.begin();
  }

  /** A sound of our own, mono PCM, heard like an answer; `finish` belongs behind it. Cut after a minute. */
  playSound(pcm: Int16Array, sampleRateHz: number): void {
    this.#gain.duck('full');
    const outputHz = this.#output?.loudspeaker.sampleRateHz ?? sampleRateHz;
    const sound = createResampler(sampleRateHz, outputHz).push(pcm);
    const samples = samplesPerFrame(outputHz, soundFrameMs);
    for (let from = 0; from < sound.length; from += samples)
      this.#sounds.push(sound.slice(from, from + samples));
    this.#pump();
  }

  /** No more packets are expected: `onDrained` follows, at the latest when the last sample has been heard. */
  finish(): void {
    this.#finishing = true;
    this.#buffer.finish();
    if (!this.#pumping && !this.#opening) this.#pump();
  }

  /** Silence at once; packets and samples not yet heard are forgotten. */
  flush(): void {
    const wasSounding = this.#sounding || this.#buffer.length + this.#sounds.length > 0;
    this.#epoch += 1;
    this.#pumping = false;
    this.#sounding = false;
    this.#buffer.flush();
    this.#sounds.clear();
    this.#options.timestamps?.clear();
    this.#stopTimers();
    this.#heard.flush();
    this.#output?.loudspeaker.flush();
    this.#output?.chain.flush();
    this.#finishing = false;
    if (wasSounding) this.#options.edges.onFlushed();
  }

  get counters(): DownlinkCounters {
    const { concealed, late, duplicates, dropped, flushed } = this.#buffer.counters;
    return {
      received: this.#received,
      decoded: this.#decoded,
      concealed,
      late,
      dropped: this.#gate.dropped + dropped + duplicates + flushed + this.#bad + this.#unheard,
      played: this.#played,
      underruns: this.#underruns,
    };
  }

  #enqueue({ packet, timestampMs, sequence }: Received): void {
    if (!this.#output && !this.#opening) {
      this.#unheard += 1;
      return;
    }
    this.#buffer.push(packet, sequence, timestampMs);
    this.#pump();
    // The packet is only lent; most have been decoded by now.
    this.#buffer.own(packet);
  }

  /** Plays as long as there is something; the first step runs in the caller's own call. */
  #pump(): void {
    if (this.#pumping || !this.#output) {
      // Nothing is coming, and nothing can be played: then this was the end.
      if (!this.#output && !this.#opening && this.#finishing) this.#drained();
      return;
    }
    this.#pumping = true;
    this.#step(this.#output, this.#epoch);
  }

  #step(output: Output, epoch: number): void {
    this.#timestampMs = 0;
    this.#answer = undefined;
    const pcm = this.#nextOwnSound() ?? this.#nextSound(output);
    if (pcm === undefined) {
      this.#pumping = false;
      return;
    }
    this.#gain.apply(pcm);
    this.#soundBegins();
    const { loudspeaker } = output;
    this.#heard.write(pcm, loudspeaker.sampleRateHz, loudspeaker.isUnheard ? undefined : this.#answer);
    const room = loudspeaker.write(pcm);
    this.#heard.written();
    void room.then(() => {
      if (epoch !== this.#epoch || !this.#output) return;
      this.#options.timestamps?.played(this.#timestampMs);
      this.#step(this.#output, epoch);
    });
  }

  #nextOwnSound(): Int16Array | undefined {
    const pcm = this.#sounds.shift();
    if (pcm) this.#answer = this.#buffer.answer;
    return pcm;
  }

  /** PCM at the loudspeaker's rate, or undefined when there is nothing now; then whoever has news pumps again. */
  #nextSound(output: Output): Int16Array | undefined {
    for (;;) {
      const pulled = this.#buffer.pull({ pendingMs: output.loudspeaker.pendingMs(), quiet: this.#quiet });
      switch (pulled.kind) {
        case 'frame': {
          const pcm = this.#decode(output, pulled.packet);
          if (!pcm) continue;
          this.#quiet = levelDbfs(pcm, quietStride) < quietDbfs;
          const heard = this.#quiet ? this.#shorten(output, pcm, pulled.surplusMs) : pcm;
          if (heard.length === 0) continue;
          this.#played += 1;
          this.#timestampMs = pulled.timestampMs;
          this.#answer = pulled.answer;
          return output.chain.accept(heard);
        }
        case 'conceal':
          return output.chain.conceal(pulled.durationMs, pulled.next);
        case 'wait':
          this.#stopTimers();
          this.#waitTimer = this.#options.clock.setTimeout(() => this.#pump(), Math.ceil(pulled.delayMs));
          return undefined;
        case 'empty':
          this.#stopTimers();
          this.#awaitSilence();
          return undefined;
      }
    }
  }

  /** Without the beginning of a quiet frame that playback is late by. */
  #shorten({ chain }: Output, pcm: Int16Array, surplusMs: number): Int16Array {
    const samples = Math.min(pcm.length, samplesPerFrame(chain.sampleRateHz, Math.floor(surplusMs)));
    if (samples === 0) return pcm;
    this.#buffer.leftOut(durationMs(samples, chain.sampleRateHz));
    return pcm.subarray(samples);
  }

  #decode({ chain }: Output, packet: Uint8Array): Int16Array | undefined {
    try {
      const pcm = chain.decode(packet);
      this.#decoded += 1;
      return pcm;
    } catch (thrown) {
      this.#bad += 1;
      this.#options.onProblem(toClientError(thrown));
      return undefined;
    }
  }

  #stopTimers(): void {
    this.#options.clock.clearTimeout(this.#silenceTimer);
    this.#options.clock.clearTimeout(this.#waitTimer);
  }

  #soundBegins(): void {
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
    const pendingMs = this.#output?.loudspeaker.pendingMs() ?? 0;
    if (pendingMs <= 0) {
      this.#silent();
      return;
    }
    // Sound that comes meanwhile is either still being played then, or has its own end to wait for.
    this.#silenceTimer = this.#options.clock.setTimeout(() => {
      if (!this.#pumping) this.#awaitSilence();
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
    this.#heard.drained();
    this.#options.edges.onDrained();
  }
}
