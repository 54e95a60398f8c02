import { durationMs } from '../audio/format.ts';
import { type Clock, wait } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { OpusCodec } from '../ports/opus-codec.ts';
import { sentencesOf } from './answer-speech.ts';
import type { Behaviour } from './behaviour.ts';
import { downlinkFormat } from './device-link.ts';
import type { Sentence } from './speech-line.ts';
import { phrases } from './text-command.ts';

/** What every conversation needs, in whatever manner it is held. */
export interface ConversationParts {
  readonly codec: OpusCodec;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly behaviour: Behaviour;
  /** Text to PCM at the downlink's rate; never rejects. */
  speak(text: string): Promise<Int16Array>;
}

/** What a model needs before anything comes of a question. Resolves early when `signal` aborts. */
export async function think({ behaviour, clock }: ConversationParts, signal: AbortSignal): Promise<void> {
  const ms = behaviour.thinkMs();
  if (ms > 0) await wait(clock, ms, signal);
}

/** A reply, sentence by sentence; never empty, because an answer without a sound leaves the device waiting. */
export function inSentences({ speak }: ConversationParts, reply: string): Promise<Sentence[]> {
  const [first = reply, ...more] = sentencesOf(reply);
  return Promise.all([first, ...more].map(async (text) => ({ text, pcm: await speak(text) })));
}

/** What a model has understood, and what it says to it. */
export interface SpokenTurn {
  readonly text: string;
  readonly reply: () => Promise<readonly Sentence[]>;
}

/** The words that are configured for this turn, else its length, and itself as the answer. */
export function understood(
  parts: ConversationParts,
  pcm: Int16Array,
  inWords: (text: string) => Promise<readonly Sentence[]>,
): SpokenTurn {
  const words = parts.behaviour.nextSpokenWords();
  if (words !== undefined) return { text: words, reply: () => inWords(words) };
  return {
    text: phrases.heard(durationMs(pcm.length, downlinkFormat.sampleRateHz)),
    reply: () => Promise.resolve([{ text: phrases.parrot, pcm }]),
  };
}
