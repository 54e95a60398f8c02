import { JitterBuffer, type JitterBufferCounters } from '../../src/audio/jitter-buffer.ts';
import { createImpairedPath, type Impairment, perfectNetwork } from '../../src/demo-server/impairment.ts';
import { FakeClock } from './fake-clock.ts';

export const frameMs = 60;

export interface Journey {
  readonly frames: number;
  readonly network?: Partial<Impairment>;
  /** How many frames the sender sends at once before it keeps time; real servers 6. */
  readonly leadFrames?: number;
  /** The sender's clock: 1.001 sends 0.1 % too fast. */
  readonly senderSpeed?: number;
  /** Frames that are silence. */
  readonly quiet?: (frame: number) => boolean;
  /** Extra delay of single frames, in ms. */
  readonly stallMs?: (frame: number) => number;
  /** The sender pauses for so long before this frame, in ms. */
  readonly pauseMs?: (frame: number) => number;
  /** The wire keeps the order, and numbers nothing. */
  readonly ordered?: boolean;
  readonly buffer?: JitterBuffer;
  /** Number of the first frame: answers of one session are numbered through. 1 unless given. */
  readonly from?: number;
  /** `as-it-comes`: what the firmware does. */
  readonly player?: 'buffer' | 'as-it-comes';
}

export interface Heard {
  /** In the order of playing: number of the frame, or -1 for made-up sound. */
  readonly order: readonly number[];
  /** How long after the first frame was sent something is heard. */
  readonly firstSoundMs: number;
  /** How much later than over a perfect network each played frame was heard. */
  readonly addedDelayMs: readonly number[];
  /** Times without any sound between the first and the last frame. */
  readonly silencesMs: readonly number[];
  readonly counters: JitterBufferCounters;
  /** When each entry of `order` was heard. */
  readonly timeline: readonly {
    readonly frame: number;
    readonly startMs: number;
    readonly durationMs: number;
  }[];
}

/** A loudspeaker that holds two frames, as ports/loudspeaker.ts promises. */
class SimulatedLoudspeaker {
  readonly silencesMs: number[] = [];
  readonly #clock: FakeClock;
  #heardUntilMs = Number.NaN;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  pendingMs(): number {
    return Number.isNaN(this.#heardUntilMs) ? 0 : Math.max(0, this.#heardUntilMs - this.#clock.now());
  }

  /** Returns when the frame begins to be heard. */
  write(durationMs = frameMs): number {
    const nowMs = this.#clock.now();
    if (this.#heardUntilMs < nowMs - 1e-6) this.silencesMs.push(nowMs - this.#heardUntilMs);
    const startMs = Number.isNaN(this.#heardUntilMs) ? nowMs : Math.max(nowMs, this.#heardUntilMs);
    this.#heardUntilMs = startMs + durationMs;
    return startMs;
  }
}

const packetOf = (frame: number): Uint8Array => Uint8Array.of(frame & 255, (frame >> 8) & 255, frame >> 16);
const frameOf = (packet: Uint8Array): number =>
  (packet[0] as number) | ((packet[1] as number) << 8) | ((packet[2] as number) << 16);

/** One answer over a bad network into a loudspeaker, in simulated time. */
export function simulateAnswer(journey: Journey, clock = new FakeClock()): Heard {
  const {
    frames,
    network,
    leadFrames = 6,
    senderSpeed = 1,
    quiet = () => false,
    stallMs = () => 0,
    pauseMs = () => 0,
    ordered = false,
    from = 1,
  } = journey;
  const startedMs = clock.now();
  const buffer = journey.buffer ?? new JitterBuffer({ clock, durationOf: () => frameMs });
  const loudspeaker = new SimulatedLoudspeaker(clock);
  const order: number[] = [];
  const addedDelayMs: number[] = [];
  const timeline: { frame: number; startMs: number; durationMs: number }[] = [];
  const pausedMs = [0];
  for (let frame = 0; frame < frames; frame++) pausedMs.push((pausedMs[frame] as number) + pauseMs(frame));
  const pausedBeforeMs = (frame: number) => pausedMs[frame + 1] as number;
  // Without a network in between a frame is heard when it is sent, or behind the one before it.
  const sendMs = (frame: number) =>
    startedMs + (Math.max(0, frame - leadFrames + 1) * frameMs) / senderSpeed + pausedBeforeMs(frame);
  const idealMs: number[] = [];
  for (let frame = 0; frame < frames; frame++) {
    const afterMs = frame === 0 ? startedMs : (idealMs[frame - 1] as number) + frameMs;
    const isPaused = pausedBeforeMs(frame) > 0;
    idealMs.push(isPaused ? Math.max(afterMs, sendMs(frame)) : afterMs);
  }
  let lastQuiet = false;
  let timer: unknown;
  let busy = false;
  let sent = 0;

  function hear(frame: number, durationMs = frameMs): void {
    const startMs = loudspeaker.write(durationMs);
    order.push(frame);
    timeline.push({ frame, startMs, durationMs });
    if (frame >= 0) addedDelayMs.push(startMs - (idealMs[frame] as number));
    busy = true;
    clock.setTimeout(
      () => {
        busy = false;
        pump();
      },
      Math.max(0, loudspeaker.pendingMs() - frameMs),
    );
  }

  function pump(): void {
    clock.clearTimeout(timer);
    while (!busy) {
      const pulled = buffer.pull({ pendingMs: loudspeaker.pendingMs(), quiet: lastQuiet });
      if (pulled.kind === 'empty') return;
      if (pulled.kind === 'wait') {
        timer = clock.setTimeout(pump, pulled.delayMs);
        return;
      }
      if (pulled.kind === 'conceal') {
        hear(-1, pulled.durationMs);
        continue;
      }
      const frame = frameOf(pulled.packet);
      lastQuiet = quiet(frame);
      const leftOutMs = lastQuiet ? Math.min(frameMs, Math.floor(pulled.surplusMs)) : 0;
      if (leftOutMs > 0) buffer.leftOut(leftOutMs);
      if (leftOutMs < frameMs) hear(frame, frameMs - leftOutMs);
    }
  }

  // What the firmware does: an older number is dropped (D34), the rest is queued as it comes.
  let newest = -1;
  const queue: number[] = [];
  const plain = { received: 0, late: 0, played: 0 };
  function pumpQueue(): void {
    const frame = busy ? undefined : queue.shift();
    if (frame === undefined) return;
    plain.played += 1;
    const startMs = loudspeaker.write();
    order.push(frame);
    timeline.push({ frame, startMs, durationMs: frameMs });
    addedDelayMs.push(startMs - (idealMs[frame] as number));
    busy = true;
    clock.setTimeout(
      () => {
        busy = false;
        pumpQueue();
      },
      Math.max(0, loudspeaker.pendingMs() - frameMs),
    );
    pumpQueue();
  }
  const arrive =
    journey.player === 'as-it-comes'
      ? (frame: number) => {
          plain.received += 1;
          if (frame <= newest) {
            plain.late += 1;
            return;
          }
          newest = frame;
          queue.push(frame);
          pumpQueue();
        }
      : (frame: number) => {
          buffer.push(packetOf(frame), ordered ? undefined : frame + from);
          pump();
        };

  const seen = new Set<number>();
  const path = createImpairedPath<number>({
    impairment: { ...perfectNetwork, ...network },
    carrier: 'datagram',
    clock,
    deliver: (frame) => {
      // The transport has thrown duplicates out already.
      if (seen.has(frame)) return;
      seen.add(frame);
      arrive(frame);
    },
  });

  buffer.begin();
  function send(): void {
    const frame = sent;
    sent += 1;
    clock.setTimeout(() => path.send(frame), stallMs(frame));
    if (sent === frames) return;
    clock.setTimeout(send, Math.max(0, sendMs(sent) - clock.now()));
  }
  send();
  clock.advance((frames * frameMs) / senderSpeed + pausedBeforeMs(frames - 1) + 420);
  buffer.finish();
  if (journey.player !== 'as-it-comes') pump();
  clock.advance(20_000);

  const counters =
    journey.player === 'as-it-comes'
      ? { ...buffer.counters, ...plain, concealed: frames - plain.played - plain.late }
      : buffer.counters;
  const firstSoundMs = (timeline[0]?.startMs ?? Number.NaN) - startedMs;
  return { order, firstSoundMs, addedDelayMs, silencesMs: loudspeaker.silencesMs, counters, timeline };
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}
