import { expect, test } from 'vitest';
import { ClientError, ErrorCode, messageOf, toClientError } from '../../src/core/errors.ts';
import { assertNever } from '../../src/core/exhaustive.ts';

test('an expected failure carries its code, whether to try again, and what caused it', () => {
  const cause = new Error('ECONNREFUSED');
  const error = new ClientError(ErrorCode.transportUnreachable, 'The server cannot be reached.', {
    retryable: true,
    cause,
  });

  expect({ ...error, message: error.message, cause: error.cause, isError: error instanceof Error }).toEqual({
    name: 'ClientError',
    code: 'TRANSPORT_UNREACHABLE',
    retryable: true,
    message: 'The server cannot be reached.',
    cause,
    isError: true,
  });
});

test('without a cause there is no cause property', () => {
  expect('cause' in new ClientError(ErrorCode.internal, 'Oh.')).toBe(false);
});

test('a ClientError stays itself, anything else thrown becomes one and keeps where it came from', () => {
  const expected = new ClientError(ErrorCode.opusBadPacket, 'Bad packet.');
  const surprise = new TypeError('x is not a function');
  const wrapped = toClientError(surprise);

  expect(toClientError(expected, ErrorCode.internal)).toBe(expected);
  expect([wrapped.code, wrapped.message, wrapped.cause, wrapped.retryable]).toEqual([
    'INTERNAL',
    'x is not a function',
    surprise,
    false,
  ]);
  expect(toClientError('text', ErrorCode.stateDamaged)).toMatchObject({
    code: 'STATE_DAMAGED',
    message: 'text',
  });
  expect([messageOf(surprise), messageOf(undefined)]).toEqual(['x is not a function', 'undefined']);
});

test('a case nobody thought of says which it was', () => {
  expect(() => assertNever({ type: 'new' } as never)).toThrow('Unhandled case: {"type":"new"}');
});
