import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientHello, readServerHello } from '../../src/protocol/hello.ts';

describe('the hello of the device', () => {
  it('over WebSocket has the members of the firmware in its order (C5)', () => {
    expect(
      clientHello({ transport: 'websocket', version: 3, sampleRateHz: 24_000, frameDurationMs: 20 }),
    ).toBe(
      '{"type":"hello","version":3,"features":{"mcp":true,"glyph_push":false},"transport":"websocket","audio_params":{"format":"opus","sample_rate":24000,"channels":1,"frame_duration":20}}',
    );
  });

  it('asks for echo cancelling only when told to, in front of the other features', () => {
    const options = { transport: 'udp', version: 3, sampleRateHz: 16_000, frameDurationMs: 60 } as const;
    expect(clientHello({ ...options, serverAec: true })).toBe(
      '{"type":"hello","version":3,"features":{"aec":true,"mcp":true,"glyph_push":false},"transport":"udp","audio_params":{"format":"opus","sample_rate":16000,"channels":1,"frame_duration":60}}',
    );
    expect(clientHello({ ...options, serverAec: false })).toBe(clientHello(options));
  });
});

describe('the hello of a server (C6)', () => {
  const hello = {
    type: 'hello',
    transport: 'websocket',
    session_id: 's',
    audio_params: { sample_rate: 16_000, frame_duration: 20 },
  };

  it('tells session and format', () => {
    expect(readServerHello(hello, 'websocket')).toEqual({
      sessionId: 's',
      sampleRateHz: 16_000,
      frameDurationMs: 20,
    });
  });

  it.each([
    ['no session', { session_id: undefined }, { sessionId: '' }],
    ['a session that is no text', { session_id: 4 }, { sessionId: '' }],
    ['a session of a megabyte', { session_id: 'x'.repeat(1_000_000) }, { sessionId: '' }],
    ['no format', { audio_params: undefined }, { sampleRateHz: 24_000, frameDurationMs: 60 }],
    ['a format that is none', { audio_params: [] }, { sampleRateHz: 24_000, frameDurationMs: 60 }],
    [
      'an impossible rate',
      { audio_params: { sample_rate: 1e12, frame_duration: 20 } },
      { sampleRateHz: 24_000, frameDurationMs: 20 },
    ],
    [
      'an impossible duration',
      { audio_params: { sample_rate: 16_000, frame_duration: 0 } },
      { sampleRateHz: 16_000, frameDurationMs: 60 },
    ],
    ['more than is read', { version: 0, text: '欢迎', udp: {} }, {}],
  ])('with %s is still a hello', (_, change, expected) => {
    expect(readServerHello({ ...hello, ...change }, 'websocket')).toEqual({
      sessionId: 's',
      sampleRateHz: 16_000,
      frameDurationMs: 20,
      ...expected,
    });
  });

  it.each([
    ['another transport', { transport: 'udp' }],
    ['no transport', { transport: undefined }],
    ['a transport in capitals', { transport: 'WebSocket' }],
    ['another type', { type: 'Hello' }],
  ])('with %s is none', (_, change) => {
    expect(readServerHello({ ...hello, ...change }, 'websocket')).toBeUndefined();
  });

  it('never throws and never promises an impossible format, whatever it says', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('session_id', 'audio_params', 'x'), fc.anything()),
        (members) => {
          const read = readServerHello({ ...members, type: 'hello', transport: 'websocket' }, 'websocket');
          expect(read?.sampleRateHz).toBeGreaterThanOrEqual(8_000);
          expect(read?.frameDurationMs).toBeGreaterThan(0);
          expect(typeof read?.sessionId).toBe('string');
        },
      ),
    );
  });
});
