import { randomUUID } from 'node:crypto';
import { type TimerHandle, wait } from '../core/clock.ts';
import { assertNever } from '../core/exhaustive.ts';
import { createAnswerOrder, type MakeAnswer } from './answer-order.ts';
import { leadFrames, stopDelayMs } from './answer-player.ts';
import { type ConversationParts, inSentences, think, understood } from './conversation-parts.ts';
import { type DeviceLink, type DeviceLinkHandler, downlinkFormat } from './device-link.ts';
import { type DeviceMessage, parseDeviceMessage, readJson } from './device-message.ts';
import { createMcpSession, type McpSession } from './mcp-session.ts';
import { farewell, greeting, heardText, interrupted } from './python-texts.ts';
import { createPythonTools, readFirstText } from './python-tools.ts';
import type { Sentence } from './speech-line.ts';
import { createUtteranceRecorder, type ListeningMode } from './utterance-recorder.ts';

/** Behind a text, from the next audio frame on. */
const deafMs = 2000;
/** From the end of an utterance to its words. */
const recognitionMs = 300;
const preRollMs = 600;
const maxPacketMs = 60;
/** Silence that is sent for so long makes it take its leave. */
const farewellAfterMs = 120_000;
const closeAfterMs = 180_000;
const greetingRateHz = 16_000;

/** A channel as the Python server holds it (servers.md 1 and 7). */
export function createPythonConversation(link: DeviceLink, parts: ConversationParts): DeviceLinkHandler {
  const { codec, clock, logger, behaviour } = parts;
  const sessionId = randomUUID();
  let mode: ListeningMode = 'auto';
  let features = { mcp: false, aec: false };
  let mcp: McpSession | undefined;
  let recognition = new AbortController();
  let wokenUp = false;
  let deafness: TimerHandle;
  let activeMs = clock.now();
  let leaving = false;
  let idleTimer: TimerHandle;

  const tools = createPythonTools(
    () => mcp,
    logger,
    (tool) => say('stt', { text: `% ${tool}` }),
  );
  const answers = createAnswerOrder({
    codec,
    logger,
    clock,
    pace: {
      sampleRateHz: downlinkFormat.sampleRateHz,
      leadFrames,
      laterLeadFrames: 1,
      pauseMs: downlinkFormat.frameDurationMs,
      stopDelayMs,
    },
    sendAudio(packet, timestampMs) {
      activeMs = clock.now();
      link.sendAudio(packet, timestampMs);
    },
    onSentenceStart: (text) => say('tts', { state: 'sentence_start', text }),
    onEnd() {
      say('tts', { state: 'stop' });
      if (leaving) link.close('nobody speaks');
    },
  });
  const recorder = createUtteranceRecorder({
    codec,
    preRollMs,
    maxPacketMs,
    onSpeechStarted() {
      activeMs = clock.now();
      if (features.aec && mode !== 'manual') interrupt();
    },
    onUtterance(pcm) {
      if (pcm) recognise(pcm);
    },
  });

  function say(type: string, fields: object): void {
    link.sendJson({ type, ...fields, session_id: sessionId });
  }

  function interrupt(): void {
    if (answers.cut()) say('tts', { state: 'stop' });
  }

  /** `tts start` comes with the words, before the model is asked; in manual mode behind what is being said. */
  function beginTurn(make: MakeAnswer, text?: string): void {
    if (mode !== 'manual') interrupt();
    if (text !== undefined) say('stt', { text });
    say('tts', { state: 'start' });
    answers.add(make);
  }

  function ask(reply: () => Promise<readonly Sentence[]>): MakeAnswer {
    return async (signal) => {
      await think(parts, signal);
      if (signal.aborted) return [];
      const sentences = tools.broken ? await inSentences(parts, interrupted) : await reply();
      if (!signal.aborted) say('llm', { text: '🙂', emotion: 'happy' });
      return sentences;
    };
  }

  async function replyInWords(text: string): Promise<readonly Sentence[]> {
    const reply = await tools.reply(text);
    return inSentences(parts, tools.broken ? interrupted : reply);
  }

  function recognise(pcm: Int16Array): void {
    const { signal } = recognition;
    void wait(clock, recognitionMs, signal).then(() => {
      if (signal.aborted) return;
      const { text, reply } = understood(parts, pcm, replyInWords);
      beginTurn(ask(reply), text);
    });
  }

  /** What is being said or recognised is forgotten, and for a while nothing is heard. */
  function takeText(text: string): void {
    activeMs = clock.now();
    recorder.reset();
    recognition.abort();
    recognition = new AbortController();
    wokenUp = true;
    const heard = heardText(text);
    switch (heard.type) {
      case 'nothing':
        return;
      case 'fatal':
        link.close('');
        return;
      case 'greeting':
        beginTurn(sayGreeting);
        return;
      case 'exit':
        interrupt();
        say('stt', { text: heard.text });
        say('tts', { state: 'start' });
        link.close('exit');
        return;
      case 'question':
        logger.info('text from the device', { private: { text } });
        beginTurn(
          ask(() => replyInWords(heard.text)),
          heard.text,
        );
        return;
      default:
        assertNever(heard);
    }
  }

  async function sayGreeting(): Promise<readonly Sentence[]> {
    const [sentence] = await inSentences(parts, greeting);
    return sentence ? [{ ...sentence, sampleRateHz: greetingRateHz }] : [];
  }

  /** False while it is deaf. */
  function hears(): boolean {
    if (!wokenUp) return true;
    deafness ??= clock.setTimeout(() => {
      wokenUp = false;
      deafness = undefined;
    }, deafMs);
    return false;
  }

  function leaveWhenNobodySpeaks(): void {
    if (leaving || answers.busy || clock.now() - activeMs < farewellAfterMs) return;
    leaving = true;
    beginTurn(() => inSentences(parts, farewell));
  }

  function watchIdleness(): void {
    idleTimer = clock.setTimeout(
      () => {
        if (clock.now() - activeMs >= closeAfterMs) link.close('nobody speaks');
        else watchIdleness();
      },
      activeMs + closeAfterMs - clock.now(),
    );
  }

  function hello(message: DeviceMessage & { type: 'hello' }): void {
    mcp?.stop();
    ({ features } = message);
    link.sendJson({
      type: 'hello',
      ...link.helloFields(),
      audio_params: message.audio_params ?? {
        format: 'opus',
        sample_rate: downlinkFormat.sampleRateHz,
        channels: 1,
        frame_duration: downlinkFormat.frameDurationMs,
      },
      session_id: sessionId,
    });
    mcp = features.mcp
      ? createMcpSession({
          send: (payload) => link.sendJson({ type: 'mcp', payload }),
          clock,
          logger,
          firstCallId: 1,
          listsAfterLateAnswer: true,
          readResult: readFirstText,
        })
      : undefined;
    mcp?.start();
  }

  function listen(message: DeviceMessage & { type: 'listen' }): void {
    mode = message.mode ?? mode;
    switch (message.state) {
      case 'start':
        recorder.start(mode);
        return;
      case 'stop':
        stopListening();
        return;
      case 'detect':
        if (behaviour.takes('detect')) takeText(message.text);
        return;
      case 'text':
        if (behaviour.takes('listen-text')) takeText(message.text);
        return;
      default:
        assertNever(message.state);
    }
  }

  /** Whatever is kept is recognised; of silence a recording makes nothing, an open microphone a turn that nobody meant. */
  function stopListening(): void {
    const { pcm, heard } = recorder.take();
    if (pcm.length > 0 && (heard || mode !== 'manual')) recognise(pcm);
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
        if (behaviour.takes('text')) takeText(message.text);
        break;
      case 'abort':
        answers.cut();
        say('tts', { state: 'stop' });
        break;
      case 'mcp':
        if (mcp) mcp.receive(message.payload);
        else link.close('');
        break;
      case 'goodbye':
        break;
      default:
        assertNever(message);
    }
  }

  watchIdleness();
  return {
    onText(text) {
      const value = readJson(text);
      if (value === undefined || typeof value === 'number' || typeof value === 'boolean') {
        link.echo(text);
        return;
      }
      const message = parseDeviceMessage(text);
      if (message) receive(message);
      else if (isListenWithoutState(value)) link.close('');
      else logger.debug('ignored a message of an unknown type', { length: text.length });
    },
    onAudio(packet) {
      if (!hears()) return;
      recorder.push(packet);
      leaveWhenNobodySpeaks();
    },
    onClosed() {
      clock.clearTimeout(idleTimer);
      clock.clearTimeout(deafness);
      recognition.abort();
      answers.cut();
      mcp?.stop();
    },
  };
}

function isListenWithoutState(value: unknown): boolean {
  return (
    typeof value === 'object' &&
    value !== null &&
    (value as { type?: unknown }).type === 'listen' &&
    !('state' in value)
  );
}
