import { randomUUID } from 'node:crypto';
import { durationMs } from '../audio/format.ts';
import { messageOf } from '../core/errors.ts';
import { assertNever } from '../core/exhaustive.ts';
import { createAnswerPlayer } from './answer-player.ts';
import type { TextWay } from './behaviour.ts';
import { type ConversationParts, think } from './conversation-parts.ts';
import { type DeviceLink, type DeviceLinkHandler, downlinkFormat } from './device-link.ts';
import { type DeviceMessage, parseDeviceMessage } from './device-message.ts';
import { createMcpSession, type McpSession } from './mcp-session.ts';
import { noToolbox, replyTo, toolboxOf } from './reply.ts';
import { phrases } from './text-command.ts';
import { createUtteranceRecorder, type ListeningMode } from './utterance-recorder.ts';

interface Answer {
  readonly text: string;
  readonly pcm: Int16Array;
}

/**
 * One device, one channel: listens, and answers with what it heard or read. The order of the messages of a turn is a real
 * server's: stt, llm, tts start, tts sentence_start, packets, tts stop.
 */
export function createPlainConversation(link: DeviceLink, parts: ConversationParts): DeviceLinkHandler {
  const { codec, clock, logger, behaviour, speak } = parts;
  const sessionId = randomUUID();
  let mode: ListeningMode = 'auto';
  let mcp: McpSession | undefined;
  /** Raised by everything that makes an answer under way stale. */
  let turn = 0;
  let ignoredMessages = 0;
  const channelClosed = new AbortController();

  const player = createAnswerPlayer({
    codec,
    clock,
    ...downlinkFormat,
    sendAudio: (packet, timestampMs) => link.sendAudio(packet, timestampMs),
  });
  const recorder = createUtteranceRecorder({
    codec,
    onSpeechStarted: () => {
      if (mode === 'realtime') interrupt('barge-in');
    },
    onUtterance: (pcm) => {
      interrupt('a new turn');
      if (!pcm) {
        answerAfterThinking(() => spoken(phrases.nothingHeard));
        return;
      }
      const words = behaviour.nextSpokenWords();
      say('stt', { text: words ?? phrases.heard(durationMs(pcm.length, downlinkFormat.sampleRateHz)) });
      answerAfterThinking(() => (words === undefined ? { text: phrases.parrot, pcm } : replyInWords(words)));
    },
  });

  function say(type: string, fields: object): void {
    link.sendJson({ type, ...fields, session_id: sessionId });
  }

  function answer(text: string, pcm: Int16Array): void {
    logger.info('answering', { durationMs: Math.round(durationMs(pcm.length, downlinkFormat.sampleRateHz)) });
    say('llm', { text: '🙂', emotion: 'happy' });
    say('tts', { state: 'start' });
    say('tts', { state: 'sentence_start', text });
    player.play(pcm, stopSpeaking);
  }

  function stopSpeaking(): void {
    say('tts', { state: 'stop' });
  }

  /** Ends the answer that plays and forgets the one being prepared. */
  function interrupt(cause: string): void {
    turn += 1;
    if (!player.cancel()) return;
    logger.info('answer interrupted', { cause });
    stopSpeaking();
  }

  /** Answered with `tts stop` in any case: the device may be waiting for an answer that has not begun. */
  function abort(): void {
    turn += 1;
    player.cancel();
    stopSpeaking();
  }

  /** What `make` gives is dropped when something else happens first; it may take its time. */
  function answerAfterThinking(make: () => Answer | Promise<Answer>): void {
    const thisTurn = turn;
    think(parts, channelClosed.signal)
      .then(() => (turn === thisTurn ? make() : undefined))
      .then((made) => {
        if (made && turn === thisTurn) answer(made.text, made.pcm);
      })
      .catch((thrown: unknown) => logger.error('no answer could be made', { reason: messageOf(thrown) }));
  }

  async function spoken(reply: string | Promise<string>): Promise<Answer> {
    const text = await reply;
    return { text, pcm: await speak(text) };
  }

  function replyInWords(text: string): Promise<Answer> {
    return spoken(replyTo(text, mcp ? toolboxOf(mcp, logger) : noToolbox));
  }

  function takeText(text: string, way: TextWay): void {
    if (!behaviour.takes(way)) {
      logger.debug('ignored a text that came another way', { way });
      return;
    }
    if (text.trim() === '') return;
    interrupt('a new turn');
    recorder.reset();
    logger.info('text from the device', { private: { text } });
    say('stt', { text });
    answerAfterThinking(() => replyInWords(text));
  }

  function hello(features: { mcp: boolean }): void {
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
    mcp = features.mcp
      ? createMcpSession({ send: (payload) => link.sendJson({ type: 'mcp', payload }), clock, logger })
      : undefined;
    mcp?.start();
  }

  function listen(message: DeviceMessage & { type: 'listen' }): void {
    switch (message.state) {
      case 'start':
        mode = message.mode ?? 'auto';
        recorder.start(mode);
        return;
      case 'stop':
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
        hello(message.features);
        break;
      case 'listen':
        listen(message);
        break;
      case 'text':
        takeText(message.text, 'text');
        break;
      case 'abort':
        abort();
        break;
      case 'goodbye':
        link.close('goodbye');
        break;
      case 'mcp':
        mcp?.receive(message.payload);
        break;
      default:
        assertNever(message);
    }
  }

  return {
    onText(text) {
      const message = parseDeviceMessage(text);
      if (message) {
        receive(message);
        return;
      }
      ignoredMessages += 1;
      logger.debug('ignored a message that no device sends', { length: text.length });
    },
    onAudio(packet) {
      if (mode === 'auto' && player.playing) return;
      recorder.push(packet);
    },
    onClosed() {
      turn += 1;
      channelClosed.abort();
      player.cancel();
      mcp?.stop();
      const { badPackets } = recorder;
      if (badPackets + ignoredMessages > 0)
        logger.warn('the device sent what nobody understands', { badPackets, ignoredMessages });
    },
  };
}
