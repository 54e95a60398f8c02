import { describe, expect, test } from 'vitest';
import { createLogger, type LoggerOptions } from '../../../src/adapters/log/console-logger.ts';
import { ClientError, ErrorCode } from '../../../src/core/errors.ts';
import type { Logger } from '../../../src/core/logger.ts';

async function logged(use: (logger: Logger) => void, options: Partial<LoggerOptions> = {}): Promise<string> {
  let text = '';
  const destination = {
    write: (line: string) => {
      text += line;
    },
  };
  use(await createLogger({ level: 'debug', format: 'json', private: false, destination, ...options }));
  return text;
}

async function entry(use: (logger: Logger) => void, options: Partial<LoggerOptions> = {}) {
  const { time, ...rest } = JSON.parse(await logged(use, options));
  expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  return rest;
}

/** Times of the pretty format replaced, because they are local. */
async function pretty(
  use: (logger: Logger) => void,
  options: Partial<LoggerOptions> = {},
): Promise<string[]> {
  const text = await logged(use, { format: 'pretty', ...options });
  return text.replaceAll(/\d\d:\d\d:\d\d/g, 'hh:mm:ss').split('\n');
}

describe('JSON lines', () => {
  test('hold time, level, scope, fields and message, and nothing else', async () => {
    expect(
      await entry((logger) =>
        logger.child('transport').child('udp').info('listening', { cause: 'talk.toggled' }),
      ),
    ).toEqual({
      level: 'info',
      scope: 'transport.udp',
      msg: 'listening',
      fields: { cause: 'talk.toggled' },
    });
  });

  test('are one per entry, of the wanted level and above', async () => {
    const text = await logged(
      (logger) => {
        logger.debug('a');
        logger.info('b');
        logger.warn('c\nd');
        logger.error('e');
      },
      { level: 'warn' },
    );

    expect(
      text
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line).msg),
    ).toEqual(['c\nd', 'e']);
  });

  test('keep fields called like their own keys apart', async () => {
    expect(await entry((logger) => logger.info('real', { msg: 'fake', level: 60, time: 0 }))).toEqual({
      level: 'info',
      msg: 'real',
      fields: { msg: 'fake', level: 60, time: 0 },
    });
  });
});

describe('what is personal or secret', () => {
  test('private fields appear only when asked for', async () => {
    const heard = (logger: Logger) => logger.info('heard', { characters: 2, private: { text: '你好' } });

    expect(await entry(heard)).toEqual({ level: 'info', msg: 'heard', fields: { characters: 2 } });
    expect(await entry(heard, { private: true })).toEqual({
      level: 'info',
      msg: 'heard',
      fields: { characters: 2, text: '你好' },
    });
  });

  test('secrets are hidden by the name of their field, at any depth and in any spelling', async () => {
    const secrets = {
      token: 's3cret',
      accessToken: 's3cret',
      headers: { Authorization: 'Bearer s3cret' },
      mqtt: [{ password: 's3cret', username: 'shown' }],
      identity: { hmacKey: 's3cret', 'hmac-key': 's3cret', hmac_key: 's3cret' },
      udp: { key: 's3cret', port: 1 },
      missing: { token: null },
    };

    expect((await entry((logger) => logger.info('x', secrets))).fields).toEqual({
      token: '[hidden]',
      accessToken: '[hidden]',
      headers: { Authorization: '[hidden]' },
      mqtt: [{ password: '[hidden]', username: 'shown' }],
      identity: { hmacKey: '[hidden]', 'hmac-key': '[hidden]', hmac_key: '[hidden]' },
      udp: { key: '[hidden]', port: 1 },
      missing: { token: null },
    });
  });

  test.each([
    ['wss://host/path?from=x&token=s3cret&v=1', 'wss://host/path?from=x&token=[hidden]&v=1'],
    ['mqtts://user:s3cret@host:8883', 'mqtts://[hidden]@host:8883'],
    ['GET / Authorization: Bearer s3cret-token', 'GET / Authorization: Bearer [hidden]'],
    ['{"websocket":{"token":"s3cret","url":"u"}}', '{"websocket":{"token":"[hidden]","url":"u"}}'],
    ['cut {"password": "s3cret', 'cut {"password": "[hidden]'],
    ['quoted {\\"token\\":\\"s3cret\\"}', 'quoted {\\"token\\":\\"[hidden]\\"}'],
    ['the token is missing, basic settings are used', 'the token is missing, basic settings are used'],
  ])('secrets inside text are hidden: %s', async (text, shown) => {
    const { msg, fields } = await entry((logger) => logger.info(text, { text, error: new Error(text) }));

    expect({ msg, text: fields.text, error: fields.error.message }).toEqual({
      msg: shown,
      text: shown,
      error: shown,
    });
    expect(JSON.stringify(fields)).not.toContain('s3cret');
  });
});

describe('fields of any shape', () => {
  test('an expected failure is told with code and causes, without a stack', async () => {
    const error = new ClientError(ErrorCode.transportUnreachable, 'Nobody answers.', {
      retryable: true,
      cause: Object.assign(new Error('connect', { cause: 'cable' }), { code: 'ECONNREFUSED' }),
    });

    expect((await entry((logger) => logger.warn('x', { error }))).fields.error).toEqual({
      code: 'TRANSPORT_UNREACHABLE',
      message: 'Nobody answers.',
      retryable: true,
      causes: ['ECONNREFUSED: connect', 'cable'],
    });
  });

  test('a programming error is told with its stack', async () => {
    const { fields } = await entry((logger) => logger.error('x', { error: new TypeError('oh') }));

    expect(fields.error).toEqual({
      message: 'oh',
      stack: expect.stringMatching(/^TypeError: oh\n +at .*console-logger\.test\.ts/),
    });
  });

  test('what JSON has no word for is described', async () => {
    const { fields } = await entry((logger) =>
      logger.info('x', {
        bytes: new Uint8Array(960),
        big: 10n,
        not: Number.NaN,
        nothing: undefined,
        run: () => {},
        set: new Set([1, 2]),
        at: new Date(0),
      }),
    );

    expect(fields).toEqual({
      bytes: '<Uint8Array 960 bytes>',
      big: '10',
      not: 'NaN',
      run: '<function>',
      set: [1, 2],
      at: '1970-01-01T00:00:00.000Z',
    });
  });

  test('cyclic, deep, huge and hostile values cost one short line', async () => {
    const cycle: Record<string, unknown> = { name: 'cycle' };
    cycle.self = cycle;
    const causes = new Error('first');
    causes.cause = causes;
    const trap = {
      get boom() {
        throw new Error('no');
      },
    };
    const text = await logged((logger) =>
      logger.info('x', {
        cycle,
        causes,
        trap,
        deep: JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)),
        wide: Object.fromEntries(Array.from({ length: 100_000 }, (_, n) => [`k${n}`, n])),
        list: new Array(1_000_000).fill('x'),
        long: 'y'.repeat(1_000_000),
        proto: JSON.parse('{"__proto__":{"a":1}}'),
      }),
    );
    const { fields } = JSON.parse(text);

    expect(text.length).toBeLessThan(16_000);
    expect(fields.trap).toBe('<unreadable>');
    expect(fields.deep).toEqual([[['<array>']]]);
    expect(fields.list.at(-1)).toBe('… (1000000 items)');
    expect(fields.long).toBe(`${'y'.repeat(1000)}… (1000000 characters)`);
    expect(fields.causes.causes).toEqual(['first', 'first', 'first', 'first', 'first']);
  });
});

describe('the pretty format', () => {
  test('is a short line with local time, level, part, message and fields', async () => {
    expect(
      await pretty((logger) => {
        logger.child('device').info('listening', { cause: 'talk.toggled', n: 1, text: 'two words' });
        logger.warn('plain');
      }),
    ).toEqual([
      'hh:mm:ss info  device     listening  cause=talk.toggled n=1 text="two words"',
      'hh:mm:ss warn  plain',
      '',
    ]);
  });

  test('tells a failure and its causes in one line, and a stack only for a programming error', async () => {
    const cause = new Error('ECONNREFUSED');
    const expected = new ClientError(ErrorCode.transportUnreachable, 'Nobody answers.', { cause });
    const lines = await pretty((logger) => {
      logger.warn('closed', { error: expected });
      logger.error('bug', { error: new TypeError('oh') });
    });

    expect(lines.slice(0, 2)).toEqual([
      'hh:mm:ss warn  closed  error=Nobody answers. (TRANSPORT_UNREACHABLE) <- ECONNREFUSED',
      'hh:mm:ss error bug  error=oh',
    ]);
    expect(lines[2]).toMatch(/^ {4}at .*console-logger\.test\.ts/);
  });

  test('lets nobody steer the terminal', async () => {
    const hostile = '\u001b[2J\u009b2J\u202e\r\nfake line';
    const lines = await pretty((logger) =>
      logger.info(hostile, { text: hostile, deep: { [hostile]: hostile }, error: new Error(hostile) }),
    );

    expect(lines[0]).toBe(
      'hh:mm:ss info  fake line  text="fake line" deep={"\\u001b[2J\\r\\nfake line":"\\u001b[2J\\r\\nfake line"} error=fake line',
    );
    expect(lines.join('')).not.toMatch(/\p{Cc}/u);
  });

  test('is coloured only when told to', async () => {
    const use = (logger: Logger) => logger.error('x');

    expect((await pretty(use, { color: true }))[0]).toBe(
      '\u001b[0m\u001b[2mhh:mm:ss\u001b[22m \u001b[31merror\u001b[39m x\u001b[0m',
    );
  });
});
