import { expect, test } from 'vitest';
import {
  createKnownSecrets,
  isSecretName,
  secretsOfArguments,
  secretsOfConfiguration,
  secretsOfSettings,
  secretsOfUrl,
  withoutSecrets,
} from '../../src/core/secrets.ts';

test('what a name calls a secret is one, and what may be one whatever its name', () => {
  const settings = {
    API_KEY: 'k',
    X: 'planted-secret',
    DB: 'postgres://me:hush@host/db?sslkey=q',
    nested: { password: ['p'], list: ['another-secret'] },
  };
  expect(secretsOfSettings(settings)).toEqual([
    'k',
    'k',
    'planted-secret',
    'hush',
    'q',
    'p',
    'p',
    'another-secret',
  ]);
});

test('words, numbers, places and languages are none', () => {
  const settings = {
    A: 'true',
    B: '12345678',
    C: '/home/me/notes',
    D: 'production',
    E: 'zh_CN.UTF-8',
    F: 'metric',
  };
  expect(secretsOfSettings(settings)).toEqual([]);
});

test('arguments and addresses hold some', () => {
  expect(secretsOfArguments(['x', '--token', 'abc', '--api-key=def', 'a1b2c3d4e5f6g7h8', 'plain'])).toEqual([
    'abc',
    'def',
    'def',
    'a1b2c3d4e5f6g7h8',
  ]);
  expect(secretsOfUrl('https://me:hush@host/u/6f1e2a9b8c7d4e5f/mcp?token=t')).toEqual([
    'hush',
    't',
    '6f1e2a9b8c7d4e5f',
  ]);
});

test.each([
  [
    'token',
    'accessToken',
    'API_KEY',
    'x-api-key',
    'apikey',
    'hmacKey',
    'udp_key',
    'key',
    'auth',
    'X-Auth',
    'DB_PASS',
  ],
  [
    'mypassword',
    'PASSWORD_DB',
    'TOKEN_2',
    'client_secret',
    'Set-Cookie',
    'session',
    'Authorization',
    'privatekey',
  ],
])('names of secrets: %s and others', (...names) => {
  expect(names.filter((name) => !isSecretName(name))).toEqual([]);
});

test.each([
  [
    'tokens',
    'maxTokens',
    'tokenCount',
    'keywordsFile',
    'keyboard',
    'monkey',
    'author',
    'sessionId',
    'apiKeyHeader',
  ],
  [
    'PWD',
    'OLDPWD',
    'DESKTOP_SESSION',
    'XDG_SESSION_ID',
    'SSH_AUTH_SOCK',
    'DBUS_SESSION_BUS_ADDRESS',
    'passthrough',
    'compass',
    'tokenUrl',
    'authority',
  ],
])('names of something else: %s and others', (...names) => {
  expect(names.filter(isSecretName)).toEqual([]);
});

test.each([
  ['API_KEY=abc OTHER=x', 'API_KEY=•••• OTHER=x'],
  ['curl --token abc -s http://me:abc@h/?q=1', 'curl --token •••• -s http://••••@h/?q=1'],
  ['mqtt --password "a b c" x', 'mqtt --password •••• x'],
  ['Authorization: Basic bWU6YWJj', 'Authorization: Basic ••••'],
  [
    'a.headers.Authorization: the variable NOPE is missing',
    'a.headers.Authorization: the variable NOPE is missing',
  ],
  ['the basic settings of the key', 'the basic settings of the key'],
  ['{"apiKey":"a\\"b","url":"u"}', '{"apiKey":"••••","url":"u"}'],
])('a text without secrets: %s', (text, shown) => {
  expect(withoutSecrets(text)).toBe(shown);
});

test('what is known to be a secret is hidden wherever it stands, as it is, encoded and quoted', () => {
  const secrets = createKnownSecrets();
  secrets.add(
    secretsOfConfiguration({
      server: { url: 'http://me:a%2Fbcd@h/?key=efgh' },
      env: { X: 'any "value" here' },
      mcp: { tools: [{ args: ['--token', 'ijkl', 'plain'] }] },
      websocket: { token: 'Bearer mnop' },
      name: 'kitchen',
      debug: { token: 'debug' },
    }),
  );
  expect(
    secrets.hide('a/bcd a%2Fbcd efgh any "value" here any \\"value\\" here ijkl plain mnop kitchen debug'),
  ).toBe('•••• •••• •••• •••• •••• •••• plain •••• kitchen debug');
});
