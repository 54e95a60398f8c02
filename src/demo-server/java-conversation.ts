import { randomUUID } from 'node:crypto';
import type { TimerHandle } from '../core/clock.ts';
import { assertNever } from '../core/exhaustive.ts';
import { createAnswerOrder, type MakeAnswer } from './answer-order.ts';
import type { TextWay } from './behaviour.ts';
import { type ConversationParts, inSentences, think, understood } from './conversation-parts.ts';
import { type DeviceLink, type DeviceLinkHandler, downlinkFormat } from './device-link.ts';
import { type DeviceMessage, parseDeviceMessage } from './device-message.ts';
import { createMcpSession, type McpSession } from './mcp-session.ts';
import { replyWithKnownTools, replyWithoutTools } from './reply.ts';
import type { Sentence } from './speech-line.ts';
import { createUtteranceRecorder, type ListeningMode } from './utterance-recorder.ts';

/** It waits so long between sentences, on purpose. */
const pauseMs = 300;
const leadFrames = 2;
const closeAfterMs = 60_000;
const idleCheckMs = 10_000;

/** A channel as the Java server holds it (servers.md 7). */
export function createJavaConversation(link: DeviceLink, parts: ConversationParts): DeviceLinkHandler {
  const { codec, clock, logger, behaviour } = parts;
  const sessionId = randomUUID();
  let mode: ListeningMode = 'auto';
  /** The device has said that it listens, and no answer has begun since; in realtime it listens on. */
  let listening = false;
  let mcp: McpSession | undefined;
  let activeMs = clock.now();
  let idleTimer: TimerHandle;

  const answers = createAnswerOrder({
    codec,
    clock,
    logger,
    pace: {
      sampleRateHz: downlinkFormat.sampleRateHz,
      leadFrames,
      laterLeadFrames: leadFrames,
      pauseMs,
      stopDelayMs: pauseMs,
    },
    sendAudio(packet, timestampMs) {
      activeMs = clock.now();
      link.sendAudio(packet, timestampMs);
    },
    onSentenceStart: (text) => say('tts', { state: 'sentence_start', text }),
    onEnd: () => say('tts', { state: 'stop' }),
  });
  const recorder = createUtteranceRecorder({
    codec,
    onSpeechStarted() {
      activeMs = clock.now();
      if (mode !== 'manual') interrupt();
    },
    onUtterance(pcm) {
      activeMs = clock.now();
      if (!pcm) return;
      interrupt();
      const { text, reply } = understood(parts, pcm, (words) => replyInWords(words, true));
      say('stt', { text });
      answers.add(made(reply));
    },
  });

  function say(type: string, fields: object): void {
    link.sendJson({ type, ...fields, session_id: sessionId });
  }

  function interrupt(): void {
    if (!answers.busy) return;
    const wasSpeaking = answers.speaking;
    answers.cut();
    if (wasSpeaking) say('tts', { state: 'stop' });
  }

  /** What is said behind a running answer has no `tts start` of its own. */
  function made(reply: () => Promise<readonly Sentence[]>): MakeAnswer {
    return async (signal) => {
      await think(parts, signal);
      if (signal.aborted) return [];
      const sentences = await reply();
      if (signal.aborted) return [];
      if (mode !== 'realtime') listening = false;
      say('llm', { text: '🙂', emotion: 'happy' });
      if (!answers.speaking) say('tts', { state: 'start' });
      return sentences;
    };
  }

  async function replyInWords(text: string, withTools: boolean): Promise<readonly Sentence[]> {
    const reply = withTools ? replyWithKnownTools(text, mcp, logger) : replyWithoutTools(text, mcp);
    return inSentences(parts, await reply);
  }

  /** `detect` waits behind a running answer, and knows no tools unless the device listens; `text` replaces it, with tools. */
  function takeText(text: string, way: TextWay): void {
    if (!behaviour.takes(way) || text.trim() === '') return;
    activeMs = clock.now();
    if (way !== 'detect') interrupt();
    recorder.reset();
    logger.info('text from the device', { private: { text } });
    const withTools = way !== 'detect' || listening;
    say('stt', { text });
    answers.add(made(() => replyInWords(text, withTools)));
  }

  function hello(message: DeviceMessage & { type: 'hello' }): void {
    mcp?.stop();
    link.sendJson({
      type: 'hello',
      ...link.helloFields(),
      audio_params: {
        format: 'opus',
        sample_rate: downlinkFormat.sampleRateHz,
        channels: 1,
        frame_duration: downlinkFormat.frameDurationMs,
      },
      session_id: sessionId,
    });
    mcp = message.features.mcp
      ? createMcpSession({
          send: (payload) => link.sendJson({ type: 'mcp', payload, session_id: sessionId }),
          clock,
          logger,
          listDelayMs: 0,
          maxPages: 1,
        })
      : undefined;
    mcp?.start();
  }

  function listen(message: DeviceMessage & { type: 'listen' }): void {
    switch (message.state) {
      case 'start':
        mode = message.mode ?? 'auto';
        listening = true;
        recorder.start(mode);
        return;
      case 'stop':
        listening = false;
        recorder.finish();
        return;
      case 'detect':
        takeText(message.text, 'detect');
        return;
      case 'text':
        takeText(message.text, 'listen-text');
        return;
      default:
        assertNever(message.state);
    }
  }

  function receive(message: DeviceMessage): void {
    switch (message.type) {
      case 'hello':
        hello(message);
        break;
      case 'listen':
        listen(message);
        break;
      case 'text':
        takeText(message.text, 'text');
        break;
      case 'abort':
        answers.cut();
        say('tts', { state: 'stop' });
        break;
      case 'mcp':
        mcp?.receive(message.payload);
        break;
      case 'goodbye':
        link.close('goodbye');
        break;
      default:
        assertNever(message);
    }
  }

  function watchIdleness(): void {
    idleTimer = clock.setTimeout(() => {
      if (clock.now() - activeMs >= closeAfterMs) link.close('nobody speaks');
      else watchIdleness();
    }, idleCheckMs);
  }

  watchIdleness();
  return {
    onText(text) {
      const message = parseDeviceMessage(text);
      if (message) receive(message);
      else logger.debug('ignored a message of an unknown type', { length: text.length });
    },
    onAudio: (packet) => recorder.push(packet),
    onClosed() {
      clock.clearTimeout(idleTimer);
      answers.cut();
      mcp?.stop();
    },
  };
}
