import { createResampler } from '../audio/resampler.ts';
import type { Clock, TimerHandle } from '../core/clock.ts';
import type { OpusCodec } from '../ports/opus-codec.ts';
import { type AnswerPlayer, createAnswerPlayer } from './answer-player.ts';
import { downlinkFormat } from './device-link.ts';

/** A piece of an answer; `pcm` at the downlink's rate. */
export interface Sentence {
  readonly text: string;
  readonly pcm: Int16Array;
  /** The rate it is encoded with; the line's unless given. */
  readonly sampleRateHz?: number;
}

/** How a server paces what it says. */
export interface SpeechPace {
  readonly sampleRateHz: number;
  /** Packets that leave at once at the beginning of an answer, and of each later sentence; 1 goes on without a gap. */
  readonly leadFrames: number;
  readonly laterLeadFrames: number;
  /** From the last packet of a sentence to the first of the next. */
  readonly pauseMs: number;
  /** From the last packet to the end; not shorter than the pause. */
  readonly stopDelayMs: number;
}

export interface SpeechLineOptions {
  readonly codec: OpusCodec;
  readonly clock: Clock;
  readonly pace: SpeechPace;
  sendAudio(packet: Uint8Array, timestampMs: number): void;
  onSentenceStart(text: string): void;
  onSentenceEnd?(text: string): void;
  /** All has been said, and nothing was added since. */
  onEnd(): void;
}

export interface SpeechLine {
  /** From the first sentence to `onEnd`. */
  readonly speaking: boolean;
  /** Said at once, or behind what is being said. */
  say(sentences: readonly Sentence[]): void;
  /** No packet and no callback follows. True when it was speaking. */
  cancel(): boolean;
}

/** Says sentences one after the other, each announced where its audio begins. */
export function createSpeechLine(options: SpeechLineOptions): SpeechLine {
  const { codec, clock, pace, sendAudio, onSentenceStart, onSentenceEnd, onEnd } = options;
  const players = new Map<number, AnswerPlayer>();
  let waiting: Sentence[] = [];
  let player: AnswerPlayer | undefined;
  let state: 'silent' | 'speaking' | 'ending' = 'silent';
  let endTimer: TimerHandle;

  function playerFor(sampleRateHz: number): AnswerPlayer {
    const made =
      players.get(sampleRateHz) ??
      createAnswerPlayer({
        codec,
        clock,
        sampleRateHz,
        frameDurationMs: downlinkFormat.frameDurationMs,
        sendAudio,
      });
    players.set(sampleRateHz, made);
    return made;
  }

  function sayNext(leadFrames: number): void {
    const sentence = waiting.shift();
    if (!sentence) {
      end();
      return;
    }
    state = 'speaking';
    const { text, pcm, sampleRateHz = pace.sampleRateHz } = sentence;
    onSentenceStart(text);
    player = playerFor(sampleRateHz);
    player.play(
      sampleRateHz === downlinkFormat.sampleRateHz
        ? pcm
        : createResampler(downlinkFormat.sampleRateHz, sampleRateHz).push(pcm),
      () => {
        onSentenceEnd?.(text);
        if (state === 'speaking') sayNext(pace.laterLeadFrames);
      },
      { leadFrames, tailMs: pace.pauseMs },
    );
  }

  function end(): void {
    state = 'ending';
    endTimer = clock.setTimeout(
      () => {
        state = 'silent';
        onEnd();
      },
      Math.max(0, pace.stopDelayMs - pace.pauseMs),
    );
  }

  return {
    get speaking() {
      return state !== 'silent';
    },
    say(sentences) {
      waiting.push(...sentences);
      if (state === 'speaking') return;
      clock.clearTimeout(endTimer);
      sayNext(state === 'silent' ? pace.leadFrames : pace.laterLeadFrames);
    },
    cancel() {
      const wasSpeaking = state !== 'silent';
      clock.clearTimeout(endTimer);
      player?.cancel();
      waiting = [];
      state = 'silent';
      return wasSpeaking;
    },
  };
}
