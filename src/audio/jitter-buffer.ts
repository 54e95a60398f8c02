import type { Clock } from '../core/clock.ts';
import { GUARD_MS, MediaTimeLine } from './media-time-line.ts';

export interface JitterBufferOptions {
  readonly clock: Clock;
  /** How much sound an Opus packet holds, in ms; 0 when that cannot be told. */
  readonly durationOf: (packet: Uint8Array) => number;
}

/** What the loudspeaker is to be given next. */
export type Pulled =
  /** Decode and play. */
  | {
      readonly kind: 'frame';
      readonly packet: Uint8Array;
      readonly timestampMs: number;
      /** See `JitterBuffer.answer`. */
      readonly answer: number;
      /** Playback has fallen behind by so much: if this is a quiet moment, leave it out and say so (`leftOut`). */
      readonly surplusMs: number;
    }
  /** Make up so much sound. `next`: the packet that follows it, which may hold a copy of what is missing. */
  | { readonly kind: 'conceal'; readonly durationMs: number; readonly next?: Uint8Array }
  /** There is still time. Ask again then, or when a packet has come. */
  | { readonly kind: 'wait'; readonly delayMs: number }
  /** Nothing left. Ask again when a packet has come. */
  | { readonly kind: 'empty' };

export interface Playback {
  /** How long the loudspeaker can go on with what it holds. */
  readonly pendingMs: number;
  /** What was played last was (nearly) silence: a moment more or less of it is not heard. */
  readonly quiet: boolean;
}

export interface JitterBufferCounters {
  readonly received: number;
  /** Frames of the sender, each in exactly one of the next four … */
  readonly played: number;
  readonly skipped: number;
  /** … never came, or have not come yet … */
  readonly concealed: number;
  /** … came when their place had been played. */
  readonly late: number;
  readonly duplicates: number;
  /** Did not fit the buffer. */
  readonly dropped: number;
  /** Thrown away unheard by a flush. */
  readonly flushed: number;
  /** Made-up sound in place of none of the sender's frames: by so much playback was put off. */
  readonly insertedMs: number;
  /** Of frames that were played in part. */
  readonly leftOutMs: number;
}

interface Stored {
  readonly sequence: number;
  packet: Uint8Array;
  readonly timestampMs: number;
  readonly answer: number;
  readonly arrivedMs: number;
  readonly mediaMs: number;
}

/** One minute of 60 ms packets: some servers send a whole answer as fast as the network takes it. Newest dropped. */
const maxPackets = 1_000;
/** Frames' worth of made-up sound while nothing arrives; then silence is more honest. */
const maxInsertedFrames = 2;
/** Made-up sound comes in whole pieces of this: libopus conceals multiples of 2.5 ms. */
const pieceMs = 10;
/** A longer hole is jumped: nobody wants to hear half a second of made-up voice. */
const maxConcealedRun = 8;
/** More frames than this do not overtake the first of an answer: then the ones before it are nobody's. */
const maxOvertaken = 16;
/** Frames given up that may still come and are then called late. */
const maxGivenUp = 256;

/**
 * Orders packets, waits for the missing as long as the loudspeaker has something to play, and hides those that do not
 * come. How far playback stays behind follows the measured jitter: up at once, down in quiet moments. Pulled by whoever
 * feeds the loudspeaker; sets no timer.
 */
export class JitterBuffer {
  readonly #options: JitterBufferOptions;
  readonly #timeLine = new MediaTimeLine();
  /** By sequence, ascending. */
  #stored: Stored[] = [];
  /** The frame that is due; undefined until an answer has begun to sound. */
  #next: number | undefined;
  /** Older numbers belong to what has been played before. */
  #floor = Number.NEGATIVE_INFINITY;
  #lastSequence = 0;
  /** Added to the numbers of this stream, so that they are above those of the last. */
  #offset = 0;
  #sequenced = false;
  #finishing = false;
  /** Playback ran dry within the answer. */
  #starved = false;
  /** Nothing has been given out since playback began. */
  #fresh = false;
  /** Made-up sound in front of the frame that is due. */
  #insertedHereMs = 0;
  #concealedRun = 0;
  #delayMs = 0;
  #answer = 0;
  readonly #givenUp = new Set<number>();
  readonly #counters = {
    received: 0,
    played: 0,
    skipped: 0,
    concealed: 0,
    late: 0,
    duplicates: 0,
    dropped: 0,
    flushed: 0,
    insertedMs: 0,
    leftOutMs: 0,
  };

  constructor(options: JitterBufferOptions) {
    this.#options = options;
  }

  get counters(): JitterBufferCounters {
    return { ...this.#counters };
  }

  get length(): number {
    return this.#stored.length;
  }

  /** Number of the answer that began last. A frame belongs to the one that it came in. */
  get answer(): number {
    return this.#answer;
  }

  /** How long the frame that was given out last had waited here, in ms. */
  get delayMs(): number {
    return this.#delayMs;
  }

  /**
   * Takes one packet, lent until it has been given out or `own` is called. `sequence` only grows within a stream; undefined where the wire keeps the order.
   * `timestampMs` is the sender's and comes back with the frame (firmware F60).
   */
  push(packet: Uint8Array, sequence?: number, timestampMs = 0): void {
    this.#counters.received += 1;
    this.#sequenced = sequence !== undefined;
    const number = sequence === undefined ? this.#lastSequence + 1 : sequence + this.#offset;
    const arrivedMs = this.#options.clock.now();
    if (this.#isOver(number)) {
      this.#countOvertaken(number, arrivedMs);
      return;
    }
    const at = this.#placeOf(number);
    // Looking before the first costs as much as all the rest.
    if (at > 0 && this.#stored[at - 1]?.sequence === number) {
      this.#counters.duplicates += 1;
    } else if (this.#stored.length >= maxPackets) {
      this.#counters.dropped += 1;
    } else {
      this.#lastSequence = Math.max(this.#lastSequence, number);
      const mediaMs = this.#measure(packet, number, arrivedMs);
      const stored = { sequence: number, packet, timestampMs, answer: this.#answer, arrivedMs, mediaMs };
      if (at === this.#stored.length) this.#stored.push(stored);
      else this.#stored.splice(at, 0, stored);
    }
  }

  /** What is still kept of a packet that was lent is kept as a copy. */
  own(packet: Uint8Array): void {
    for (let at = this.#stored.length - 1; at >= 0; at--) {
      const stored = this.#stored[at] as Stored;
      if (stored.packet !== packet) continue;
      stored.packet = new Uint8Array(packet);
      return;
    }
  }

  /** What is to be heard next. */
  pull(playback: Playback): Pulled {
    if (this.#next === undefined) {
      const holdMs = this.#stillToHoldMs();
      if (holdMs === undefined) return { kind: 'empty' };
      if (holdMs > 0) return { kind: 'wait', delayMs: holdMs };
      this.#start(playback);
    }
    const nowMs = this.#options.clock.now();
    const slackMs = playback.pendingMs - GUARD_MS;
    for (let head = this.#stored[0]; head; head = this.#stored[0]) {
      if (head.sequence === this.#next) return this.#pullHead(head, playback, nowMs);
      const pulled = this.#pullGap(slackMs);
      if (pulled) return pulled;
    }
    return this.#pullNothing(slackMs, playback.quiet);
  }

  /** So much of the frame that was given out last is not played; when it is all of it, it was skipped. */
  leftOut(leftOutMs: number): void {
    if (leftOutMs < this.#timeLine.frameMs) {
      this.#counters.leftOutMs += leftOutMs;
      return;
    }
    this.#counters.played -= 1;
    this.#counters.skipped += 1;
  }

  /** An answer begins. If the one before has been played, the next packet starts a new time line. */
  begin(): void {
    this.#answer += 1;
    this.#finishing = false;
    if (this.#next !== undefined) return;
    this.#starved = false;
    if (this.#stored.length === 0) this.#timeLine.restart();
  }

  /** No more packets are expected: what is there is played without waiting for more than the loudspeaker can bridge. */
  finish(): void {
    this.#finishing = true;
  }

  /** Forgets what has not been given out; returns how many packets that were. */
  flush(): number {
    const flushed = this.#stored.length;
    this.#counters.flushed += flushed;
    for (const { sequence } of this.#stored) this.#floor = Math.max(this.#floor, sequence + 1);
    this.#stored = [];
    this.#rest();
    this.#starved = false;
    this.#finishing = false;
    this.#timeLine.restart();
    return flushed;
  }

  /** The packets that follow are numbered from 1 again (firmware D33); what is left is played before them. */
  newStream(): void {
    this.#offset = this.#lastSequence;
  }

  #isOver(sequence: number): boolean {
    return sequence < this.#floor || (this.#next !== undefined && sequence < this.#next);
  }

  #countOvertaken(sequence: number, arrivedMs: number): void {
    if (this.#givenUp.delete(sequence)) {
      this.#counters.concealed -= 1;
      this.#counters.late += 1;
      this.#timeLine.arriveLate(sequence, arrivedMs);
    } else if (sequence < (this.#timeLine.firstSequence ?? Number.NEGATIVE_INFINITY)) {
      this.#counters.late += 1;
    } else {
      this.#counters.duplicates += 1;
    }
  }

  /** Index behind the last packet that is not newer. Most packets come in order, so the search begins at the end. */
  #placeOf(sequence: number): number {
    let at = this.#stored.length;
    while (at > 0 && (this.#stored[at - 1] as Stored).sequence > sequence) at -= 1;
    return at;
  }

  /** Returns the place on the media time line. */
  #measure(packet: Uint8Array, sequence: number, arrivedMs: number): number {
    const isSilent = this.#next === undefined && this.#stored.length === 0;
    if (isSilent && this.#starved) this.#timeLine.endSilence();
    return this.#timeLine.arrive(sequence, arrivedMs, this.#options.durationOf(packet));
  }

  /** How much longer the first frame is kept; undefined when there is none. */
  #stillToHoldMs(): number | undefined {
    const first = this.#stored[0];
    const last = this.#stored.at(-1);
    if (!first || !last) return undefined;
    const holdMs = this.#holdMs();
    if (this.#finishing) return 0;
    if (last.mediaMs - first.mediaMs >= holdMs && !this.#missesBeginning(first)) return 0;
    const oldestMs = Math.min(...this.#stored.map(({ arrivedMs }) => arrivedMs));
    return oldestMs + holdMs - this.#options.clock.now();
  }

  /** Behind a wire that keeps the order an answer begins at once: what it needs to be late by, it will be late by soon enough. */
  #holdMs(): number {
    if (this.#sequenced)
      return Math.max(
        this.#timeLine.wantedMs,
        this.#starved && !this.#timeLine.isUnsettled ? 0 : this.#timeLine.frameMs,
      );
    return this.#starved && !this.#timeLine.isCalm ? this.#timeLine.wantedMs : 0;
  }

  /** Numbers go on from one answer to the next, so the first frames of an answer are missed when they are overtaken. */
  #missesBeginning({ sequence }: Stored): boolean {
    const expected = Math.max(this.#floor, this.#offset + 1);
    return this.#sequenced && sequence > expected && sequence - expected <= maxOvertaken;
  }

  #start(playback: Playback): void {
    const first = this.#stored[0] as Stored;
    this.#countMissed(first.sequence);
    this.#next = first.sequence;
    this.#insertedHereMs = 0;
    this.#concealedRun = 0;
    this.#fresh = true;
    // What a stall of the network has added is not given by the sender, and may go again.
    if (this.#starved) return;
    const nowMs = this.#options.clock.now();
    this.#timeLine.acceptLead(this.#timeLine.cushionMs(first.mediaMs, playback.pendingMs, nowMs));
  }

  /** Playback had run dry within an answer, and goes on later than where it stopped: what is between was not heard. */
  #countMissed(first: number): void {
    if (!this.#starved || first - this.#floor > maxGivenUp) return;
    for (let missed = this.#floor; missed < first; missed++) this.#giveUp(missed);
  }

  #pullHead(head: Stored, { pendingMs, quiet }: Playback, nowMs: number): Pulled {
    const cushionMs = this.#timeLine.cushionMs(head.mediaMs, pendingMs, nowMs);
    if (quiet && this.#mayPutOff && this.#timeLine.isShort(cushionMs, pieceMs)) {
      return this.#insert(this.#timeLine.wantedMs - cushionMs);
    }
    const surplusMs = this.#timeLine.surplusMs(
      cushionMs,
      this.#sequenced ? this.#timeLine.frameMs : 0,
      nowMs,
    );
    this.#stored.shift();
    this.#next = head.sequence + 1;
    this.#fresh = false;
    this.#insertedHereMs = 0;
    this.#concealedRun = 0;
    this.#delayMs = nowMs - head.arrivedMs;
    this.#counters.played += 1;
    const { packet, timestampMs, answer } = head;
    return { kind: 'frame', packet, timestampMs, answer, surplusMs };
  }

  get #mayPutOff(): boolean {
    return !this.#finishing && this.#mayInsert && (this.#sequenced || !this.#fresh);
  }

  /** Newer packets are here, the one that is due is not. Undefined: it has been passed over. */
  #pullGap(slackMs: number): Pulled | undefined {
    if (slackMs > 0) return { kind: 'wait', delayMs: slackMs };
    const next = this.#next as number;
    const hopeMs = this.#hopeMs();
    if (hopeMs > 0 && this.#mayInsert) return this.#insert(hopeMs);
    this.#giveUp(next);
    this.#concealedRun += 1;
    // Part of it has been covered already, when it was still hoped for.
    const coveredMs = Math.min(this.#insertedHereMs, this.#timeLine.frameMs);
    this.#insertedHereMs -= coveredMs;
    this.#counters.insertedMs -= coveredMs;
    if (coveredMs === this.#timeLine.frameMs || this.#concealedRun > maxConcealedRun) return undefined;
    const after = this.#stored[0];
    return {
      kind: 'conceal',
      durationMs: this.#timeLine.frameMs - coveredMs,
      ...(after?.sequence === next + 1 && { next: after.packet }),
    };
  }

  /** For how much longer the frame that is due may reasonably come. */
  #hopeMs(): number {
    return this.#finishing ? 0 : this.#timeLine.hopeMs(this.#next as number, this.#options.clock.now());
  }

  get #mayInsert(): boolean {
    return this.#insertedHereMs < maxInsertedFrames * this.#timeLine.frameMs;
  }

  #giveUp(sequence: number): void {
    this.#next = sequence + 1;
    this.#counters.concealed += 1;
    this.#givenUp.add(sequence);
    if (this.#givenUp.size <= maxGivenUp) return;
    for (const oldest of this.#givenUp) {
      this.#givenUp.delete(oldest);
      return;
    }
  }

  #insert(wantedMs: number): Pulled {
    const durationMs = Math.min(this.#timeLine.frameMs, Math.ceil(wantedMs / pieceMs) * pieceMs);
    this.#insertedHereMs += durationMs;
    this.#counters.insertedMs += durationMs;
    return { kind: 'conceal', durationMs };
  }

  #pullNothing(slackMs: number, quiet: boolean): Pulled {
    if (slackMs > 0 && (!this.#finishing || this.#sequenced)) return { kind: 'wait', delayMs: slackMs };
    const disturbed = this.#counters.concealed > 0 || !this.#timeLine.isCalm;
    if (!this.#finishing && !quiet && disturbed && this.#mayInsert) {
      const hopeMs = this.#hopeMs();
      return this.#insert(hopeMs > 0 ? hopeMs : this.#timeLine.frameMs);
    }
    this.#starved = !this.#finishing;
    this.#rest();
    return { kind: 'empty' };
  }

  /** Nothing sounds: the next packet starts anew. */
  #rest(): void {
    if (this.#next !== undefined) this.#floor = Math.max(this.#floor, this.#next);
    this.#next = undefined;
    this.#insertedHereMs = 0;
    this.#concealedRun = 0;
  }
}
