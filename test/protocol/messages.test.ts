import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  clientMessage,
  maxMessageCharacters,
  parseMessageText,
  parseServerMessage,
} from '../../src/protocol/messages.ts';

describe('messages of a server', () => {
  it.each([
    { type: 'tts', state: 'start' },
    { type: 'tts', state: 'sentence_start', text: '你好' },
    { type: 'tts', state: 'sentence_end' },
    { type: 'tts', state: 'stop', session_id: 's', version: 0 },
    { type: 'stt', text: '你好', glyph_push: { v: 1 } },
    { type: 'llm', emotion: 'happy', text: '🙂' },
    { type: 'mcp', payload: { jsonrpc: '2.0' } },
    { type: 'system', command: 'reboot' },
    { type: 'alert', status: 'a', message: 'b', emotion: 'c' },
    { type: 'hello' },
    { type: 'goodbye', session_id: 's' },
  ])('are taken as they are: %j', (message) => {
    expect(parseServerMessage(message)).toEqual({ ok: true, message });
  });

  it.each([
    [
      { type: 'tts', state: 'sentence_start', text: 7 },
      { type: 'tts', state: 'sentence_start' },
    ],
    [
      { type: 'llm', emotion: 'happy', text: null },
      { type: 'llm', emotion: 'happy' },
    ],
    [{ type: 'goodbye', session_id: 3 }, { type: 'goodbye' }],
    [
      { type: 'alert', message: 'b', emotion: null },
      { type: 'alert', status: '', message: 'b', emotion: '' },
    ],
  ])('lose only the optional member of a wrong type: %j', (message, kept) => {
    expect(parseServerMessage(message)).toMatchObject({ ok: true, message: kept });
  });

  it.each([
    [{ type: 'tts' }, 'bad-field', /^the member "state" is missing; it must be text$/],
    [{ type: 'tts', state: 1 }, 'bad-field', /^the member "state" must be text$/],
    [{ type: 'mcp', payload: [] }, 'bad-field', /^the member "payload" must be an object$/],
    [{ type: 'mcp', payload: 'no JSON' }, 'bad-field', /^the member "payload" must be an object$/],
    [{ type: 'alert', status: 'a' }, 'bad-field', /^the member "message" is missing; it must be text$/],
    [{ type: 'glow', commands: [] }, 'unknown-type', /does not know/],
    [{ type: '__proto__' }, 'unknown-type', /does not know/],
    [{ type: 'toString' }, 'unknown-type', /does not know/],
    [{ type: 7 }, 'no-type', /missing or not a string/],
    [{}, 'no-type', /missing or not a string/],
  ])('are refused with a reason when they make no sense: %j', (message, problem, reason) => {
    expect(parseServerMessage(message)).toMatchObject({
      ok: false,
      problem,
      reason: expect.stringMatching(reason),
    });
  });

  it.each([
    { type: 'iot', commands: [{ name: 'Speaker', method: 'SetVolume' }] },
    { type: 'server', status: 'success' },
    { type: 'pong' },
    { type: 'abort', state: 'success' },
    { type: 'custom', payload: null },
    { type: 'notify', audio_url: 'http://x/', subtitles: [] },
    { type: 'call_accepted', from: 'x' },
    { type: 'listen', state: 'detect', text: 'echo' },
    { type: 'stt' },
    { type: 'stt', text: '' },
    { type: 'stt', text: ' \n' },
    { type: 'stt', text: null },
    { type: 'stt', text: ['a'] },
    { type: 'llm' },
    { type: 'llm', text: 'words' },
    { type: 'llm', emotion: null },
  ])('that say nothing to a device are no fault: %j', (message) => {
    expect(parseServerMessage(message)).toMatchObject({ ok: false, problem: 'nothing' });
  });

  it.each([
    [{ content: 'hello', speaker: 'A' }, 'hello'],
    ['{"speaker":"A","content":"hello"}', 'hello'],
    ['{"unfinished"', '{"unfinished"'],
  ])('may name the speaker beside the words: %j', (text, words) => {
    expect(parseServerMessage({ type: 'stt', text })).toEqual({
      ok: true,
      message: { type: 'stt', text: words },
    });
  });

  it('may be any object at all', () => {
    const types = fc.constantFrom('tts', 'stt', 'llm', 'mcp', 'system', 'alert', 'error', 'x');
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.anything()), fc.option(types), (members, type) => {
        expect(parseServerMessage(type === null ? members : { ...members, type })).toHaveProperty('ok');
      }),
    );
  });
});

describe('a text message', () => {
  it.each([
    '',
    'x',
    '认证失败',
    '{',
    '[]',
    '[{"type":"stt"}]',
    'null',
    '1',
    'true',
    '"{}"',
    '{"a":NaN}',
    '\ufeff{}',
  ])('"%s" is no message', (text) => {
    expect(parseMessageText(text)).toEqual({ ok: false, reason: expect.stringMatching(/^it is /) });
  });

  it('of exactly the allowed length is looked at, one character more is not', () => {
    const text = `{"a":"${'x'.repeat(maxMessageCharacters - 8)}"}`;
    expect([parseMessageText(text).ok, parseMessageText(`${text} `)]).toEqual([
      true,
      {
        ok: false,
        reason: `it has ${maxMessageCharacters + 1} characters, allowed are ${maxMessageCharacters}`,
      },
    ]);
  });

  it('may be anything', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        expect(parseMessageText(text)).toHaveProperty('ok');
      }),
    );
  });
});

describe('messages of the device', () => {
  it('can all be read back, whatever the text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (sessionId, text) => {
        expect(JSON.parse(clientMessage.listenDetect(sessionId, text))).toEqual({
          session_id: sessionId,
          type: 'listen',
          state: 'detect',
          text,
        });
      }),
    );
  });
});
