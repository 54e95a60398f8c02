import { expect, test } from 'vitest';
import { secretsOfArguments, secretsOfSettings, secretsOfUrl } from '../../src/core/secrets.ts';

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
    'hush',
    't',
    '6f1e2a9b8c7d4e5f',
  ]);
});
