import { randomUUID } from 'node:crypto';
import { durationMs } from '../audio/format.ts';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import { assertNever } from '../core/exhaustive.ts';
import type { Logger } from '../core/logger.ts';
import type { OpusCodec } from '../ports/opus-codec.ts';
import { createAnswerPlayer } from './answer-player.ts';
import { type DeviceLink, type DeviceLinkHandler, downlinkFormat } from './device-link.ts';
import { type DeviceMessage, parseDeviceMessage } from './device-message.ts';
import { createMcpSession, type McpSession } from './mcp-session.ts';
import { parseTextCommand, phrases, taskText } from './text-command.ts';
import { createUtteranceRecorder, type ListeningMode } from './utterance-recorder.ts';

export interface ConversationParts {
  readonly codec: OpusCodec;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Text to PCM at the downlink's rate; never rejects. */
  speak(text: string): Promise<Int16Array>;
}

/**
 * One device, one channel: listens, and answers with what it heard or read. The order of the messages of a turn is a real
 * server's: stt, llm, tts start, tts sentence_start, packets, tts stop.
 */
export function createConversation(link: DeviceLink, parts: ConversationParts): DeviceLinkHandler {
  const { codec, clock, logger, speak } = parts;
  const sessionId = randomUUID();
  let mode: ListeningMode = 'auto';
  let mcp: McpSession | undefined;
  /** Raised by everything that makes an answer under way stale. */
  let turn = 0;
  let ignoredMessages = 0;

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
        answerWithText(phrases.nothingHeard);
        return;
      }
      say('stt', { text: phrases.heard(durationMs(pcm.length, downlinkFormat.sampleRateHz)) });
      answer(phrases.parrot, pcm);
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

  /** `reply` may take its time; it is dropped when something else happens first. */
  function answerWithText(reply: string | Promise<string>): void {
    const thisTurn = turn;
    prepare(reply)
      .then(({ text, pcm }) => {
        if (turn === thisTurn) answer(text, pcm);
      })
      .catch((thrown: unknown) => logger.error('no answer could be made', { reason: messageOf(thrown) }));
  }

  async function prepare(reply: string | Promise<string>): Promise<{ text: string; pcm: Int16Array }> {
    const text = await reply;
    return { text, pcm: await speak(text) };
  }

  function takeText(text: string): void {
    if (text.trim() === '') return;
    interrupt('a new turn');
    recorder.reset();
    logger.info('text from the device', { private: { text } });
    say('stt', { text });
    answerWithText(replyTo(text));
  }

  function replyTo(text: string): string | Promise<string> {
    const command = parseTextCommand(text);
    switch (command.type) {
      case 'echo':
        return phrases.echo(command.text);
      case 'help':
        return phrases.help;
      case 'tools':
        return mcp && mcp.tools.length > 0 ? phrases.tools(mcp.tools) : phrases.noTools;
      case 'call':
        return callTool(command.tool, command.args);
      case 'unclear':
        return command.hint;
      case 'notice':
        return command.facts;
      case 'cue':
        return readTasks(command.taskIds);
      default:
        return assertNever(command);
    }
  }

  async function callTool(tool: string, args: Readonly<Record<string, unknown>>): Promise<string> {
    if (!mcp) return phrases.noTools;
    const result = await mcp.call(tool, args);
    logger.info('tool answered', { tool, ok: result.ok, private: result });
    return result.ok ? phrases.toolAnswered(result.text) : phrases.toolFailed(tool, result.reason);
  }

  async function readTasks(taskIds: readonly string[]): Promise<string> {
    const results = await Promise.all(
      taskIds.map(async (id) => taskText(await callTool('self.tasks.read', { task_id: id }))),
    );
    return results.join(' ');
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
        mode = message.mode;
        recorder.start(mode);
        return;
      case 'stop':
        recorder.finish();
        return;
      case 'detect':
        takeText(message.text);
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
        takeText(message.text);
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
      player.cancel();
      mcp?.stop();
      const { badPackets } = recorder;
      if (badPackets + ignoredMessages > 0)
        logger.warn('the device sent what nobody understands', { badPackets, ignoredMessages });
    },
  };
}
