import { describe, expect, it } from 'vitest';
import { createEchoCancelledSound } from '../../src/audio/echo-cancelled-sound.ts';
import { ClientError, ErrorCode } from '../../src/core/errors.ts';
import type { EchoCanceller } from '../../src/ports/echo-canceller.ts';
import { fluentSpeech, higherVoice, looped } from '../native/support.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { LeakingRoom, type RoomOptions } from '../support/leaking-room.ts';
import { bestCorrelation } from '../support/signals.ts';

const rateHz = 16_000;

/** Keeps both ends as the canceller gets them, and changes nothing. */
function createWitness() {
  const near: number[] = [];
  const far: number[] = [];
  const delays: number[] = [];
  const canceller: EchoCanceller = {
    sampleRateHz: rateHz,
    samplesPerFrame: 160,
    process: (nearFrame, farFrame, delayMs) => {
      near.push(...nearFrame);
      far.push(...farFrame);
      delays.push(delayMs);
    },
    close: () => {},
  };
  return { canceller, near, far, delays };
}

async function openRoom(canceller: EchoCanceller, options: Omit<RoomOptions, 'clock'> = {}) {
  const clock = new FakeClock();
  const room = new LeakingRoom({ clock, ...options });
  const problems: ClientError[] = [];
  const onProblem = (error: ClientError) => problems.push(error);
  const sound = createEchoCancelledSound({ ...room, canceller, clock, onProblem });
  const heard: Int16Array[] = [];
  await sound.microphone.start({ onChunk: (pcm) => heard.push(pcm.slice()), onError: () => {} });
  return { clock, room, sound, heard, problems };
}

type Room = Awaited<ReturnType<typeof openRoom>>;

function speak({ clock, sound, room }: Room, seconds: number): void {
  const far = looped(fluentSpeech(), seconds, 0.5);
  const endMs = clock.now() + seconds * 1_000;
  for (let played = 0; clock.now() < endMs; ) {
    if (sound.loudspeaker.pendingMs() < 120) {
      void sound.loudspeaker.write(far.slice(played, played + 960));
      played += 960;
    }
    room.step();
  }
}

/** By how many ms the last second of the near end lags behind what the canceller was given as the far end. */
function lagMs(near: readonly number[], far: readonly number[]): number {
  const end = near.length - 1_600;
  const said = Int16Array.from(far.slice(end - rateHz, end));
  const lags = Array.from({ length: 80 }, (_, ms) => {
    const from = end - rateHz + ms * 16;
    return bestCorrelation(Int16Array.from(near.slice(from, from + rateHz)), said);
  });
  return lags.indexOf(Math.max(...lags));
}

describe('sound without echo', () => {
  it.each([
    ['as it was promised', {}],
    ['250 ms late', { outputLatencyMs: 290, claimedLatencyMs: 40 }],
    ['70 ms early', { outputLatencyMs: 20, claimedLatencyMs: 110 }],
  ])('gives the far end to the canceller shortly before its echo, which comes %s', async (_, options) => {
    const { canceller, near, far, delays } = createWitness();
    const opened = await openRoom(canceller, options);
    speak(opened, 4);
    const lag = lagMs(near, far);
    expect(lag).toBeGreaterThanOrEqual(1);
    expect(lag).toBeLessThanOrEqual(75);
    expect(Math.abs((delays.at(-1) ?? 999) - lag)).toBeLessThanOrEqual(12);
  });

  it('moves the far end once, and not for every doubt', async () => {
    const { canceller } = createWitness();
    const opened = await openRoom(canceller, { outputLatencyMs: 290, claimedLatencyMs: 40 });
    speak(opened, 8);
    expect(opened.sound.counters.realigned).toBe(1);
  });

  it('goes on with the echo, and says so once, when the canceller fails', async () => {
    const fault = new ClientError(ErrorCode.internal, 'The echo canceller failed.');
    const canceller: EchoCanceller = {
      sampleRateHz: rateHz,
      samplesPerFrame: 160,
      process: () => {
        throw fault;
      },
      close: () => {},
    };
    const opened = await openRoom(canceller);
    speak(opened, 1);
    expect(opened.problems).toEqual([fault]);
    expect(opened.heard.length).toBe(100);
    expect(Int16Array.from(opened.heard.flatMap((pcm) => [...pcm])).slice(320)).toEqual(
      Int16Array.from(opened.room.captured).slice(0, 15_680),
    );
  });

  it('knows that a flush silences the loudspeaker', async () => {
    const { canceller, far } = createWitness();
    const opened = await openRoom(canceller);
    speak(opened, 1);
    opened.sound.loudspeaker.flush();
    const flushedAt = far.length;
    for (let step = 0; step < 20; step++) opened.room.step();
    // What the device itself still holds is heard for its latency of 40 ms.
    expect(far.slice(flushedAt, flushedAt + 320).some((sample) => sample !== 0)).toBe(true);
    expect(far.slice(flushedAt + 800).every((sample) => sample === 0)).toBe(true);
  });

  it('the first echo is held back while nobody knows where it comes; a person is heard where nothing leaks', async () => {
    const { canceller } = createWitness();
    const echoing = await openRoom(canceller);
    speak(echoing, 0.4);
    expect(echoing.room.captured.some((sample) => Math.abs(sample) > 500)).toBe(true);
    expect(echoing.heard.flatMap((frame) => [...frame]).some((sample) => Math.abs(sample) > 500)).toBe(false);

    const nearSpeech = looped(higherVoice(fluentSpeech()), 2, 0.3);
    const quiet = await openRoom(canceller, { leak: 0, nearSpeech });
    speak(quiet, 2);
    expect(quiet.heard.slice(-100).flatMap((frame) => [...frame])).toEqual(
      quiet.room.captured.slice(-16_000),
    );
  });
});
