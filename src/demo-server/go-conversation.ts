import { randomUUID } from 'node:crypto';
import type { TimerHandle } from '../core/clock.ts';
import { assertNever } from '../core/exhaustive.ts';
import { type AnswerOrder, createAnswerOrder, type MakeAnswer } from './answer-order.ts';
import { type ConversationParts, inSentences, think, understood } from './conversation-parts.ts';
import { type DeviceLink, type DeviceLinkHandler, downlinkFormat } from './device-link.ts';
import { type DeviceMessage, parseDeviceMessage, readJson } from './device-message.ts';
import { createMcpSession, type McpSession } from './mcp-session.ts';
import { isWakeWord } from './python-texts.ts';
import { replyWithKnownTools } from './reply.ts';
import type { Sentence } from './speech-line.ts';
import { createUtteranceRecorder } from './utterance-recorder.ts';

const sampleRateHz = 16_000;
const leadFrames = 3;
/** A text waits for so long whether the device begins to listen, which drops it. */
const debounceMs = 300;
/** Without a message of the device; pings do not count. */
const closeAfterMs = 60_000;

/** A channel as the Go server holds it (servers.md 5 and 7). */
export function createGoConversation(link: DeviceLink, parts: ConversationParts): DeviceLinkHandler {
  const { codec, clock, logger, behaviour } = parts;
  const sessionId = randomUUID();
  /** Answers know nothing of each other: a second one is mixed into the first. */
  const answers = new Set<AnswerOrder>();
  /** Over MQTT it sends nothing back and does not hang up. */
  const onWebSocket = link.helloFields().transport === 'websocket';
  let mcp: McpSession | undefined;
  /** From `listen start` to the end of one utterance. */
  let listening = false;
  let debounce: TimerHandle;
  let closing: TimerHandle;

  const recorder = createUtteranceRecorder({
    codec,
    onSpeechStarted() {},
    onUtterance(pcm) {
      listening = false;
      if (!pcm) return;
      const { text, reply } = understood(parts, pcm, replyInWords);
      say('stt', { text });
      answer(reply);
    },
  });

  function say(type: string, fields: object): void {
    link.sendJson({ type, ...fields, session_id: sessionId, version: 0 });
  }

  function answer(reply: () => Promise<readonly Sentence[]>): void {
    const mixedIn = answers.size > 0;
    const order = createAnswerOrder({
      codec,
      clock,
      logger,
      pace: {
        sampleRateHz,
        leadFrames,
        laterLeadFrames: leadFrames,
        pauseMs: downlinkFormat.frameDurationMs,
        stopDelayMs: downlinkFormat.frameDurationMs,
      },
      sendAudio: (packet, timestampMs) => link.sendAudio(packet, timestampMs),
      onSentenceStart: (text) => say('tts', { state: 'sentence_start', text }),
      onSentenceEnd: (text) => say('tts', { state: 'sentence_end', text }),
      onEnd() {
        answers.delete(order);
        say('tts', { state: 'stop' });
      },
    });
    answers.add(order);
    order.add(made(reply, mixedIn));
  }

  function made(reply: () => Promise<readonly Sentence[]>, mixedIn: boolean): MakeAnswer {
    return async (signal) => {
      await think(parts, signal);
      if (signal.aborted) return [];
      const sentences = await reply();
      if (signal.aborted) return [];
      say('llm', { text: '🙂', emotion: 'happy' });
      if (!mixedIn) say('tts', { state: 'start' });
      return sentences;
    };
  }

  async function replyInWords(text: string): Promise<readonly Sentence[]> {
    return inSentences(parts, await replyWithKnownTools(text, mcp, logger));
  }

  function takeText(text: string): void {
    clock.clearTimeout(debounce);
    if (text.trim() === '') return;
    if (isWakeWord(text)) {
      say('stt', { text });
      return;
    }
    debounce = clock.setTimeout(() => {
      logger.info('text from the device', { private: { text } });
      answer(() => replyInWords(text));
    }, debounceMs);
  }

  function hello(message: DeviceMessage & { type: 'hello' }): void {
    if (!message.audio_params) {
      link.close('');
      return;
    }
    mcp?.stop();
    const { udp, ...fields } = link.helloFields();
    link.sendJson({
      type: 'hello',
      text: '欢迎连接到小智服务器',
      ...fields,
      ...(typeof udp === 'object' && { udp: { ...udp, encryption: undefined } }),
      session_id: sessionId,
      version: 0,
      audio_params: {
        format: 'opus',
        sample_rate: sampleRateHz,
        channels: 1,
        frame_duration: downlinkFormat.frameDurationMs,
      },
    });
    mcp = message.features.mcp
      ? createMcpSession({ send: (payload) => say('mcp', { payload }), clock, logger, listDelayMs: 0 })
      : undefined;
    mcp?.start();
  }

  /** Realtime is taken for push-to-talk: only `listen stop` ends an utterance there. */
  function listen(message: DeviceMessage & { type: 'listen' }): void {
    switch (message.state) {
      case 'start':
        clock.clearTimeout(debounce);
        recorder.start(message.mode === 'auto' || message.mode === undefined ? 'auto' : 'manual');
        listening = true;
        return;
      case 'stop':
        if (listening) recorder.finish();
        listening = false;
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

  /** False for what it does not know. */
  function receive(message: DeviceMessage): boolean {
    switch (message.type) {
      case 'hello':
        hello(message);
        return true;
      case 'listen':
        listen(message);
        return true;
      case 'text':
        if (!behaviour.takes('text')) return false;
        takeText(message.text);
        return true;
      case 'abort':
        // The old answer goes on.
        say('abort', { state: 'success' });
        return true;
      case 'mcp':
        mcp?.receive(message.payload);
        return mcp !== undefined;
      case 'goodbye':
        return false;
      default:
        return assertNever(message);
    }
  }

  function receiveUnknown(text: string): void {
    const { type } = Object(readJson(text));
    if (type === 'iot') say('iot', { state: 'success' });
    else if (type !== undefined && onWebSocket) link.echo(text);
  }

  function watchIdleness(): void {
    if (!onWebSocket) return;
    clock.clearTimeout(closing);
    closing = clock.setTimeout(() => link.close(''), closeAfterMs);
  }

  watchIdleness();
  return {
    onText(text) {
      watchIdleness();
      const message = parseDeviceMessage(text);
      if (!message || !receive(message)) receiveUnknown(text);
    },
    onAudio(packet) {
      watchIdleness();
      if (listening) recorder.push(packet);
    },
    onClosed() {
      clock.clearTimeout(closing);
      clock.clearTimeout(debounce);
      for (const order of answers) order.cut();
      mcp?.stop();
    },
  };
}
