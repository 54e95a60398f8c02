import type { LogFields, Logger } from '../../core/logger.ts';
import type { StatusDisplay, StatusEvent } from '../../ports/status-display.ts';
import { wordsFor } from './words.ts';

/**
 * The display of a device nobody watches: the conversation as log lines. What was said is personal and shown only by a
 * logger that shows `private` fields; the event stream has it all.
 */
export function createLogDisplay(logger: Logger): StatusDisplay {
  return {
    show(event) {
      const [level, message, fields] = entryOf(event);
      logger[level](message, fields);
    },
  };
}

type Entry = readonly [level: 'debug' | 'info' | 'warn' | 'error', message: string, fields?: LogFields];

function entryOf(event: StatusEvent): Entry {
  switch (event.type) {
    case 'state':
      return ['info', event.to, { cause: event.cause }];
    case 'activation':
      return ['info', 'activation code', { code: event.code, message: event.message }];
    case 'session':
      return ['info', 'session open', { id: event.id, transport: event.transport, ...event.server }];
    case 'stt':
      return ['info', 'heard', said(event.text)];
    case 'tts':
      if (event.state !== 'sentence') return ['debug', `answer ${event.state}`];
      return ['info', 'said', said(event.text ?? '')];
    case 'alert':
      return ['warn', 'alert', { status: event.status, message: event.message }];
    case 'mute':
      return ['info', `${event.what} ${event.muted ? 'off' : 'on'}`];
    case 'upgrade':
      return ['info', wordsFor('en').upgrade(event.version), { version: event.version }];
    case 'recording': {
      const { type, phase, ...fields } = event;
      return [phase === 'failed' ? 'warn' : 'info', `recording ${phase}`, fields];
    }
    case 'turn':
      return ['info', `turn ${event.phase}`, { n: event.n }];
    case 'error':
      return [event.retryable ? 'warn' : 'error', event.message, { code: event.code }];
    default: {
      // Of interest to programs, which read the event stream.
      const { type, ...fields } = event;
      return ['debug', type, fields];
    }
  }
}

function said(text: string): LogFields {
  return { characters: text.length, private: { text } };
}
