import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseOtaAnswer } from '../../../src/adapters/provisioning/ota-answer.ts';
import { compileTime } from '../../../src/adapters/provisioning/ota-request.ts';
import { isNewerVersion } from '../../../src/adapters/provisioning/version.ts';
import { ClientError } from '../../../src/core/errors.ts';

const context = { url: 'http://host/ota/', nowMs: 1_700_000_000_000, version: '2.4.2' };
const parse = (answer: unknown) => parseOtaAnswer(JSON.stringify(answer), context);
const nothing = {
  websocket: undefined,
  mqtt: undefined,
  activation: undefined,
  clockOffsetMs: undefined,
  timezoneOffsetMinutes: undefined,
  firmware: undefined,
};

describe('an answer', () => {
  test('of a full deployment, with everything in it', () => {
    expect(
      parse({
        server_time: { timestamp: 1_700_000_005_000, timezone_offset: 480, timeZone: 'Asia/Shanghai' },
        firmware: { version: '2.5.0', url: 'https://host/fw.bin' },
        activation: { code: '123456', message: 'host\n123456', challenge: 'abc', timeout_ms: 30_000 },
        websocket: { url: 'wss://host/xiaozhi/v1/', token: 'secret', version: 3 },
        mqtt: {
          endpoint: 'mqtt.host:8883',
          client_id: 'GID_x@@@02_00@@@u',
          username: 'u',
          password: 'p',
          publish_topic: 'device-server',
          subscribe_topic: 'devices/p2p/02_00',
          keepalive: 120,
        },
      }),
    ).toEqual({
      websocket: { url: 'wss://host/xiaozhi/v1/', token: 'secret', version: 3 },
      mqtt: {
        endpoint: 'mqtt.host:8883',
        clientId: 'GID_x@@@02_00@@@u',
        username: 'u',
        password: 'p',
        publishTopic: 'device-server',
        subscribeTopic: 'devices/p2p/02_00',
        keepAliveSeconds: 120,
      },
      activation: { code: '123456', message: 'host\n123456', challenge: 'abc' },
      clockOffsetMs: 5000,
      timezoneOffsetMinutes: 480,
      firmware: { version: '2.5.0', url: 'https://host/fw.bin', newer: true },
    });
  });

  test('that a web framework has wrapped', () => {
    const websocket = { url: 'wss://host/', token: 't', version: 1 };
    expect(parse({ code: 0, msg: 'success', data: { websocket } })).toEqual({ ...nothing, websocket });
    expect(() => parse({ code: 500, msg: 'no', data: { reason: 'x' } })).toThrow('“no”');
  });

  test('with numbers as texts and texts as numbers', () => {
    expect(
      parse({
        websocket: { url: 'ws://host/', token: 42, version: '2' },
        activation: { code: 123_456 },
        server_time: { timestamp: '1700000001000', timezone_offset: '-60' },
      }),
    ).toEqual({
      ...nothing,
      websocket: { url: 'ws://host/', token: '42', version: 2 },
      activation: { code: '123456' },
      clockOffsetMs: 1000,
      timezoneOffsetMinutes: -60,
    });
  });

  test('whose members have wrong types counts them as absent', () => {
    expect(
      parse({
        websocket: { url: 'ws://host/', token: null, version: [3] },
        mqtt: 'none',
        activation: { code: false, challenge: {} },
        server_time: { timestamp: 'soon', timezone_offset: '' },
        firmware: [],
      }),
    ).toEqual({ ...nothing, websocket: { url: 'ws://host/', token: '', version: 1 } });
  });

  test.each([0, 4, 2.5, -1])('with binary protocol version %d means version 1', (version) => {
    expect(parse({ websocket: { url: 'ws://host/', version } }).websocket?.version).toBe(1);
  });

  test('of a server that does not know its own address offers nothing', () => {
    expect(parse({ websocket: { url: '', token: '' }, mqtt: { endpoint: '' } })).toEqual(nothing);
  });

  test('with a placeholder for a URL is refused, and the words name the setting', () => {
    expect(() => parse({ websocket: { url: '你的 websocket 地址' } })).toThrowError(
      expect.objectContaining({
        code: 'PROVISIONING_BAD_ANSWER',
        message: expect.stringContaining('“你的 websocket 地址”'),
      }),
    );
  });

  test.each([
    [
      { version: '2.4.2', url: 'https://host/fw.bin' },
      { version: '2.4.2', url: 'https://host/fw.bin', newer: false },
    ],
    [
      { version: '1.0', url: 'https://host/fw.bin', force: 1 },
      { version: '1.0', url: 'https://host/fw.bin', newer: true },
    ],
    [{ version: '9.9.9', url: 'http://host/NOT_ACTIVATED_FIRMWARE_THIS_IS_A_INVALID_URL' }, undefined],
    [{ version: '9.9.9', url: '' }, undefined],
    [{ version: '9.9.9' }, undefined],
  ])('with firmware %j', (given, read) => {
    expect(parse({ firmware: given }).firmware).toEqual(read);
  });

  test.each([
    [{ success: false, message: 'request error.' }, '“request error.”'],
    [{ error: 'Invalid device ID' }, '“Invalid device ID”'],
    [{ success: false }, 'refused this device.'],
    [{ code: 500, msg: '服务器内部异常', data: null }, '“服务器内部异常”'],
    [{ code: 10_067 }, '“code 10067”'],
    [{ message: 'Device is not registered' }, '“Device is not registered”'],
    [{ code: 401, error: { message: 'token expired' } }, '“token expired”'],
  ])('%j is a refusal in the words of the server', (answer, words) => {
    expect(() => parse(answer)).toThrowError(
      expect.objectContaining({ code: 'PROVISIONING_REFUSED', message: expect.stringContaining(words) }),
    );
  });

  test.each([
    { code: 0, msg: 'success' },
    { code: 200, msg: '操作成功', data: {} },
    { success: true, message: 'ok' },
    { error: null, message: '' },
  ])('%j is none, only of no use', (answer) => {
    expect(parse(answer)).toEqual(nothing);
  });

  test.each([
    [null, 'device-server'],
    ['null', 'device-server'],
    ['mine', 'mine'],
    ['', ''],
    [undefined, ''],
    [[], ''],
  ])('with the topic %j publishes to “%s”', (publish_topic, topic) => {
    expect(parse({ mqtt: { endpoint: 'host', publish_topic } }).mqtt?.publishTopic).toBe(topic);
  });

  test('that is plain words is told in them', () => {
    expect(() => parse('banned until Monday')).toThrowError(
      expect.objectContaining({ message: expect.stringContaining('It says: “banned until Monday”.') }),
    );
  });

  test('that refuses at length and with control characters stays one short line', () => {
    const error = `no\u001b[2J\n${'x'.repeat(5000)}`;
    expect(() => parse({ error })).toThrowError(
      expect.objectContaining({ message: expect.stringMatching(/^\P{Cc}{50,400}$/u) }),
    );
  });

  test.each(['', 'null', '[]', '7', '"ok"', '<html>login</html>', '{"websocket":'])(
    'of %j is none',
    (body) => {
      expect(() => parseOtaAnswer(body, context)).toThrowError(
        expect.objectContaining({ code: 'PROVISIONING_BAD_ANSWER', retryable: true }),
      );
    },
  );

  test('of any JSON is read or refused with a ClientError', () => {
    const part = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom('url', 'code', 'endpoint', 'version'), fc.jsonValue()),
    );
    const answers = fc.dictionary(
      fc.constantFrom(
        'websocket',
        'mqtt',
        'activation',
        'server_time',
        'firmware',
        'error',
        'success',
        '__proto__',
      ),
      part,
    );
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), answers), (answer) => {
        try {
          parse(answer);
        } catch (error) {
          expect(error).toBeInstanceOf(ClientError);
        }
      }),
    );
  });
});

describe('versions', () => {
  test.each([
    ['2.4.3', '2.4.2', true],
    ['2.4.2', '2.4.2', false],
    ['2.4.10', '2.4.9', true],
    ['2.4', '2.4.0', false],
    ['2.4.0', '2.4', true],
    ['10.0', '9.9.9', true],
    ['1.9', '2.0', false],
    ['v3.0', '2.0', false],
    ['3.0-beta', '2.0', false],
    ['', '2.0', false],
  ])('%j is newer than %j: %s', (offered, current, newer) => {
    expect(isNewerVersion(offered, current)).toBe(newer);
  });

  test('of any text are compared without a throw', () => {
    fc.assert(fc.property(fc.string(), fc.string(), (a, b) => typeof isNewerVersion(a, b) === 'boolean'));
  });

  test('the compile time has the form of the C compiler', () => {
    expect(compileTime(new Date('2026-12-31T23:59:09Z'))).toBe('Dec 31 2026T23:59:09Z');
  });
});
