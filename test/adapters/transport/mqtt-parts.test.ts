import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseMqttEndpoint } from '../../../src/adapters/transport/mqtt-address.ts';
import { MqttPacketGuard } from '../../../src/adapters/transport/mqtt-packet-guard.ts';

describe('an MQTT endpoint', () => {
  it.each([
    ['gateway.example', 'gateway.example', 8883, true],
    ['gateway.example:8883', 'gateway.example', 8883, true],
    ['10.0.0.1:1883', '10.0.0.1', 1883, false],
    ['mqtt://broker', 'broker', 1883, false],
    ['mqtt://broker:8883', 'broker', 8883, true],
    ['mqtts://broker:9000/', 'broker', 9000, true],
    ['[::1]:1884', '::1', 1884, false],
  ])('%s is %s, port %i', (text, host, port, tls) => {
    expect(parseMqttEndpoint(text)).toMatchObject({ host, port, tls });
  });

  it.each(['', 'a b', 'host:0', 'host:70000', 'http://host', 'user@host:1883', 'mqtt://'])(
    '"%s" is none',
    (text) => {
      expect(() => parseMqttEndpoint(text)).toThrow(
        expect.objectContaining({ code: 'TRANSPORT_UNREACHABLE' }),
      );
    },
  );
});

describe('the packet guard', () => {
  const packetOf = (length: number) => {
    const digits: number[] = [];
    for (let rest = length; ; rest >>= 7) {
      digits.push(rest > 127 ? (rest & 127) | 128 : rest);
      if (rest <= 127) break;
    }
    return Uint8Array.from([0x30, ...digits, ...new Uint8Array(length)]);
  };

  it('lets packets up to the limit pass, however they are cut, and notices a longer one by its head', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 300 }), { maxLength: 10 }),
        fc.integer({ min: 1, max: 50 }),
        (lengths, cut) => {
          const guard = new MqttPacketGuard(300);
          const stream = Buffer.concat(lengths.map(packetOf));
          for (let at = 0; at < stream.length; at += cut)
            expect(guard.take(stream.subarray(at, at + cut))).toBe(true);
          expect(guard.take(packetOf(301).subarray(0, 3))).toBe(false);
        },
      ),
    );
  });

  it('refuses a length of more than four digits', () => {
    expect(new MqttPacketGuard(2 ** 31).take(Uint8Array.of(0x30, 0x80, 0x80, 0x80, 0x80, 0x01))).toBe(false);
  });
});
