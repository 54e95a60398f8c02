import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { clientHello, readServerHello } from '../../src/protocol/hello.ts';
import { readUdpOffer } from '../../src/protocol/udp-offer.ts';

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
      ok: true,
      hello: { sessionId: 's', sampleRateHz: 16_000, frameDurationMs: 20 },
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
      ok: true,
      hello: { sessionId: 's', sampleRateHz: 16_000, frameDurationMs: 20, ...expected },
    });
  });

  it.each([
    [2, 2],
    ['1', 1],
    [0, undefined],
    [4, undefined],
    [null, undefined],
    ['x', undefined],
  ])('of version %j speaks binary version %j', (version, spoken) => {
    const read = readServerHello({ ...hello, version }, 'websocket');
    expect(read.ok && read.version).toBe(spoken);
  });

  it.each([
    ['another transport', { transport: 'udp' }, 'transport is "udp", not "websocket"'],
    ['no transport', { transport: undefined }, 'transport is missing; it must be "websocket"'],
    ['null for a transport', { transport: null }, 'transport is missing; it must be "websocket"'],
    ['a transport in capitals', { transport: 'WebSocket' }, 'transport is "WebSocket", not "websocket"'],
    ['a transport that is no text', { transport: [] }, 'transport is no text, not "websocket"'],
  ])('with %s says what is wrong with it', (_, change, fault) => {
    expect(readServerHello({ ...hello, ...change }, 'websocket')).toEqual({ ok: false, fault });
  });

  it('never throws and never promises an impossible format, whatever it says', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.constantFrom('session_id', 'audio_params', 'version', 'x'), fc.anything()),
        (members) => {
          const read = readServerHello({ ...members, type: 'hello', transport: 'websocket' }, 'websocket');
          expect(read).toMatchObject({ ok: true, hello: { sessionId: expect.any(String) } });
          if (!read.ok) return;
          expect(read.hello.sampleRateHz).toBeGreaterThanOrEqual(8_000);
          expect(read.hello.frameDurationMs).toBeGreaterThan(0);
        },
      ),
    );
  });
});

describe('the offer of a gateway (D22)', () => {
  const udp = { server: '127.0.0.1', port: 8_884, key: 'aB'.repeat(16), nonce: '01'.repeat(16) };
  const offer = { type: 'hello', transport: 'udp', session_id: 's', udp };

  it('says where audio goes, with some kindness', () => {
    const place = {
      host: '127.0.0.1',
      port: 8_884,
      key: expect.any(Uint8Array),
      nonce: expect.any(Uint8Array),
    };
    for (const change of [{}, { port: '8884' }, { server: ' 127.0.0.1 ' }, { encryption: undefined }]) {
      expect(readUdpOffer({ ...offer, udp: { ...udp, ...change } })).toMatchObject({
        ok: true,
        hello: place,
      });
    }
  });

  it.each([
    [{ udp: undefined }, 'udp is missing'],
    [{ udp: [] }, 'udp is not an object'],
    [{ udp: null }, 'udp is not an object'],
    [{ udp: { ...udp, server: undefined } }, 'udp.server is missing'],
    [{ udp: { ...udp, server: '' } }, 'udp.server is not a name or an address'],
    [{ udp: { ...udp, port: 0 } }, 'udp.port is not a port'],
    [{ udp: { ...udp, port: 65_536 } }, 'udp.port is not a port'],
    [{ udp: { ...udp, port: '80x' } }, 'udp.port is not a port'],
    [{ udp: { ...udp, key: 'abcd' } }, 'udp.key is not 32 hexadecimal digits'],
    [{ udp: { ...udp, nonce: 'x'.repeat(32) } }, 'udp.nonce is not 32 hexadecimal digits'],
    [{ transport: 'websocket' }, 'transport is "websocket", not "udp"'],
  ])('%j says what is wrong', (change, fault) => {
    expect(readUdpOffer({ ...offer, ...change })).toEqual({ ok: false, fault });
  });
});
