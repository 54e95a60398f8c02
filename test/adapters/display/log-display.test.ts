import { expect, test } from 'vitest';
import { createLogDisplay } from '../../../src/adapters/display/log-display.ts';
import type { LogFields, Logger } from '../../../src/core/logger.ts';
import type { StatusEvent } from '../../../src/ports/status-display.ts';

function logOf(events: readonly StatusEvent[]) {
  const entries: unknown[] = [];
  const at = (level: string) => (message: string, fields?: LogFields) =>
    entries.push([level, message, fields]);
  const logger: Logger = {
    child: () => logger,
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
  };
  const display = createLogDisplay(logger);
  for (const event of events) display.show(event);
  return entries;
}

test('a conversation is told in lines, and what was said only in private fields', () => {
  expect(
    logOf([
      { type: 'state', from: 'idle', to: 'listening', cause: 'talk.toggled' },
      { type: 'stt', text: '你好' },
      { type: 'tts', state: 'start' },
      { type: 'tts', state: 'sentence', text: '我在' },
      { type: 'turn', n: 1, phase: 'finished' },
    ]),
  ).toEqual([
    ['info', 'listening', { cause: 'talk.toggled' }],
    ['info', 'heard', { characters: 2, private: { text: '你好' } }],
    ['debug', 'answer start', undefined],
    ['info', 'said', { characters: 2, private: { text: '我在' } }],
    ['info', 'turn finished', { n: 1 }],
  ]);
});

test('what needs somebody is told louder', () => {
  expect(
    logOf([
      { type: 'activation', code: '123456', message: 'xiaozhi.me' },
      { type: 'alert', status: 'OTA', message: 'update', emotion: 'sad' },
      { type: 'error', code: 'TRANSPORT_CLOSED', message: 'Gone.', retryable: true },
      { type: 'error', code: 'AUDIO_DEVICE_MISSING', message: 'Plug it in.', retryable: false },
    ]),
  ).toEqual([
    ['info', 'activation code', { code: '123456', message: 'xiaozhi.me' }],
    ['warn', 'alert', { status: 'OTA', message: 'update' }],
    ['warn', 'Gone.', { code: 'TRANSPORT_CLOSED' }],
    ['error', 'Plug it in.', { code: 'AUDIO_DEVICE_MISSING' }],
  ]);
});

test('recordings are told, and one that failed is told louder', () => {
  const fields = { id: '1', source: 'system', file: '/r/1.wav', seconds: 2 } as const;
  expect(
    logOf([
      { type: 'recording', phase: 'started', ...fields },
      { type: 'recording', phase: 'failed', ...fields, reason: 'The disk is full.' },
    ]),
  ).toEqual([
    ['info', 'recording started', fields],
    ['warn', 'recording failed', { ...fields, reason: 'The disk is full.' }],
  ]);
});

test('what only programs want to know is for debugging', () => {
  expect(logOf([{ type: 'playback', phase: 'drained' }])).toEqual([
    ['debug', 'playback', { phase: 'drained' }],
  ]);
});
