import { ClientError, ErrorCode } from '../core/errors.ts';
import type { Microphone } from '../ports/microphone.ts';
import { microphoneThrough } from './microphone-through.ts';

/** What is wrong with the sound of a microphone that is open and works as far as anybody can tell. */
export type Ailment = 'silent' | 'quiet' | 'clipping' | 'offset';

/** Nothing but zeros from the first moment: muted, switched off at the device, or not connected. */
const SILENT_MS = 3000;
/** Behind sound: noise gates and Bluetooth give zeros between sentences, which is no mute switch. */
const SILENT_AGAIN_MS = 30_000;
/** Dither of one bit is no sound. */
const STILL_SWING = 2;
/** A room in which nobody speaks for a while is quiet, too. */
const QUIET_MS = 60_000;
/** −50 dBFS: even somebody far away is louder at a microphone that is turned up. */
const QUIET_PEAK = 104;
const CLIPPED = 32_700;
const CLIPPED_SHARE = 0.01;
const CLIPPING_MS = 3000;
/** 5 % of full scale. */
const OFFSET = 1638;
const OFFSET_MS = 3000;

/** Listens along and tells each ailment once, until the sound has been without it. */
export class HealthCheck {
  readonly #onAilment: (ailment: Ailment) => void;
  readonly #lastingMs: Record<Ailment, number> = { silent: 0, quiet: 0, clipping: 0, offset: 0 };
  readonly #told = new Set<Ailment>();
  #hasSounded = false;

  constructor(onAilment: (ailment: Ailment) => void) {
    this.#onAilment = onAilment;
  }

  push(pcm: Int16Array, sampleRateHz: number): void {
    if (pcm.length === 0 || sampleRateHz <= 0) return;
    const { low, high, mean, clippedShare } = measure(pcm);
    const ms = (pcm.length / sampleRateHz) * 1000;
    const still = high - low <= STILL_SWING;
    if (!still) this.#hasSounded = true;
    this.#note('silent', still, ms, this.#hasSounded ? SILENT_AGAIN_MS : SILENT_MS);
    this.#note('quiet', !still && Math.max(high - mean, mean - low) < QUIET_PEAK, ms, QUIET_MS);
    this.#note('offset', !still && Math.abs(mean) > OFFSET, ms, OFFSET_MS);
    this.#noteClipping(clippedShare, ms);
  }

  #note(ailment: Ailment, is: boolean, ms: number, lastsMs: number): void {
    this.#lastingMs[ailment] = is ? this.#lastingMs[ailment] + ms : 0;
    if (!is) this.#told.delete(ailment);
    else if (this.#lastingMs[ailment] >= lastsMs) this.#tell(ailment);
  }

  /** Speech has pauses: what is clipped adds up, and pauses take it off slowly. */
  #noteClipping(share: number, ms: number): void {
    const before = this.#lastingMs.clipping;
    const after = share >= CLIPPED_SHARE ? before + ms : Math.max(0, before - ms / 10);
    this.#lastingMs.clipping = after;
    if (after === 0) this.#told.delete('clipping');
    if (after >= CLIPPING_MS) this.#tell('clipping');
  }

  #tell(ailment: Ailment): void {
    if (this.#told.has(ailment)) return;
    this.#told.add(ailment);
    this.#onAilment(ailment);
  }
}

export interface WatchedMicrophoneOptions {
  readonly onProblem: (error: ClientError) => void;
  /** Why the microphone is silent and what to do, as a sentence, where somebody knows. Never rejects. */
  readonly diagnose: (microphone: string) => Promise<string | undefined>;
}

/** The same microphone; a person is told, in a sentence, when it is open and hears nothing, or nothing of use. */
export function watchMicrophone(
  microphone: Microphone,
  { onProblem, diagnose }: WatchedMicrophoneOptions,
): Microphone {
  const tell = async (ailment: Ailment) => {
    const advice = (ailment === 'silent' ? await diagnose(microphone.name) : undefined) ?? advices[ailment];
    const code = ailment === 'silent' ? ErrorCode.audioInputSilent : ErrorCode.audioInputPoor;
    const message = `The microphone ${microphone.name} ${complaints[ailment]}. ${advice}`;
    onProblem(new ClientError(code, message, { retryable: true }));
  };
  const check = new HealthCheck((ailment) => void tell(ailment));
  return microphoneThrough(microphone, (pcm) => {
    check.push(pcm, microphone.sampleRateHz);
    return pcm;
  });
}

const complaints: Readonly<Record<Ailment, string>> = {
  silent: 'is open and gives nothing but silence',
  quiet: 'hears next to nothing',
  clipping: 'is turned up too far: loud sounds are cut off',
  offset: 'has a constant offset, which takes away from how loud it can hear',
};

const advices: Readonly<Record<Ailment, string>> = {
  silent:
    'Look for a mute switch at the device, and turn it up: "alsamixer" (F4 shows inputs), or "pactl list sources". "xiaozhi-speaker doctor" tells more.',
  quiet: 'Turn it up: "alsamixer" (F4 shows inputs), or "pactl set-source-volume @DEFAULT_SOURCE@ 100%".',
  clipping: 'Turn it down: "alsamixer" (F4 shows inputs), or "pactl set-source-volume @DEFAULT_SOURCE@ 60%".',
  offset: 'Some cheap USB microphones have one; another microphone, or another USB port, helps.',
};

function measure(pcm: Int16Array) {
  let low = 32_767;
  let high = -32_768;
  let sum = 0;
  let clipped = 0;
  for (const sample of pcm) {
    if (sample < low) low = sample;
    if (sample > high) high = sample;
    sum += sample;
    if (sample >= CLIPPED || sample <= -CLIPPED) clipped += 1;
  }
  return { low, high, mean: sum / pcm.length, clippedShare: clipped / pcm.length };
}
