import type { JSONRPCMessage } from '@modelcontextprotocol/client';

export const noResult = 'its answer has no result';

/** The protocol client drops an answer that is none, and waits for another until the time is up: such a one becomes an error. */
export function usableAnswer(message: JSONRPCMessage): JSONRPCMessage {
  const { id, method, result, error } = message as Readonly<Record<string, unknown>>;
  if (method !== undefined || isObject(result) || isError(error)) return message;
  if (typeof id !== 'number' && typeof id !== 'string') return message;
  // No object, but something: the client wants one.
  if (error === undefined && result !== undefined && result !== null)
    return { jsonrpc: '2.0', id, result: { content: result } };
  return { jsonrpc: '2.0', id, error: { code: -32_603, message: noResult } };
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isError = (error: unknown): boolean =>
  isObject(error) && Number.isInteger(error.code) && typeof error.message === 'string';
