import { ClientError, ErrorCode } from '../core/errors.ts';
import { assertNever } from '../core/exhaustive.ts';
import type { Logger } from '../core/logger.ts';
import type { ServerEvent } from '../machine/events.ts';
import type { StatusDisplay } from '../ports/status-display.ts';
import type { ServerMessage } from '../protocol/messages.ts';
import { serverWords } from '../protocol/server-words.ts';
import type { ReportProblem } from './problem-reporter.ts';

/** Longer transcripts are cut: nobody reads them, and an event line has to stay a line. */
const maxShownCharacters = 4_000;

export interface MessageSinks {
  readonly toMachine: (event: ServerEvent) => void;
  readonly toMcp: (payload: Readonly<Record<string, unknown>>) => void;
  readonly report: ReportProblem;
  readonly display: StatusDisplay;
  readonly logger: Logger;
}

/** What each message of the server does, whatever the state (firmware B55, E). Synchronous, in the order of the wire. */
export function handleServerMessage(message: ServerMessage, sinks: MessageSinks): void {
  switch (message.type) {
    case 'tts':
      handleSpeech(message, sinks);
      return;
    case 'stt':
      handleTranscript(message.text, sinks);
      return;
    case 'llm':
      sinks.display.show({ type: 'llm', emotion: cut(message.emotion), ...optionalText(message.text) });
      return;
    case 'alert':
      sinks.display.show({
        type: 'alert',
        status: cut(message.status),
        message: cut(message.message),
        emotion: cut(message.emotion),
      });
      sinks.toMachine({ type: 'alert.received' });
      return;
    case 'mcp':
      sinks.toMcp(message.payload);
      return;
    case 'system':
      if (message.command === 'reboot') sinks.toMachine({ type: 'reboot.requested' });
      else sinks.logger.info('Unknown system command ignored', { command: cut(message.command) });
      return;
    case 'speak_request':
      sinks.toMachine({ type: 'speech.requested', listenAfter: message.auto_listen === true });
      return;
    case 'error':
      sinks.report(complaintOf(serverWords(message)));
      return;
    case 'hello':
    case 'goodbye':
      // The transport's business where it matters.
      return;
    default:
      assertNever(message);
  }
}

function complaintOf(said: string): ClientError {
  const words = said === '' ? 'without saying why' : `“${said}”`;
  return new ClientError(
    ErrorCode.serverError,
    `The server reports an error: ${words}. If it does not answer, ask again, or look at the server's console.`,
    { retryable: true },
  );
}

function handleSpeech(
  message: Extract<ServerMessage, { type: 'tts' }>,
  { display, toMachine }: MessageSinks,
): void {
  if (message.state === 'start') {
    display.show({ type: 'tts', state: 'start' });
    toMachine({ type: 'tts.started' });
  } else if (message.state === 'stop') {
    display.show({ type: 'tts', state: 'stop' });
    toMachine({ type: 'tts.stopped' });
  } else if (message.state === 'sentence_start') {
    toMachine({ type: 'tts.sentence' });
    if (message.text !== undefined) display.show({ type: 'tts', state: 'sentence', text: cut(message.text) });
  }
}

function handleTranscript(text: string, { display, toMachine, logger }: MessageSinks): void {
  // A server reports its own tool calls as if the person had said "% name" (servers.md 1.5).
  if (text.startsWith('% ')) {
    logger.info('The server calls a tool', { tool: cut(text.slice(2)) });
    return;
  }
  display.show({ type: 'stt', text: cut(text) });
  toMachine({ type: 'stt.received' });
}

const cut = (text: string): string =>
  text.length > maxShownCharacters ? `${text.slice(0, maxShownCharacters)}…` : text;

const optionalText = (text: string | undefined): { text?: string } =>
  text === undefined ? {} : { text: cut(text) };
