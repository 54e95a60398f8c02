import type { JSONRPCMessage } from '@modelcontextprotocol/client';

export const noResult = 'its answer has no result';

export type RequestId = string | number;

type JsonObject = Readonly<Record<string, unknown>>;

/**
 * The protocol client drops an answer that is not exactly one, and waits for another until the time is up. What servers get
 * wrong is mended: `"error": null` beside a result, an id as text or none at all where only one request is open, an error that
 * is a sentence, a result that is no object, members of their own. What stays without a result becomes an error.
 */
export function usableAnswer(message: JSONRPCMessage, open: Iterable<RequestId> = []): JSONRPCMessage {
  const { id: given, method, result, error } = message as JsonObject;
  if (method !== undefined) return message;
  // Without an id it must at least look like an answer.
  const id = given === undefined && !isAnswer(message) ? undefined : idOf(given, [...open]);
  if (id === undefined) return message;
  if (isError(error)) return { jsonrpc: '2.0', id, error: errorOf(error) };
  if (isObject(result)) return { jsonrpc: '2.0', id, result };
  // No object, but something: the client wants one.
  if ((error === undefined || error === null) && result !== undefined && result !== null)
    return { jsonrpc: '2.0', id, result: { content: result } };
  return { jsonrpc: '2.0', id, error: errorOf(error) };
}

/** Whether it can be an answer of JSON-RPC, also without its version. */
export const isAnswer = (value: unknown): value is JSONRPCMessage =>
  isObject(value) && value.method === undefined && ('result' in value || 'error' in value);

function idOf(given: unknown, open: readonly RequestId[]): RequestId | undefined {
  if (typeof given === 'number' || typeof given === 'string')
    return open.find((id) => id === given) ?? open.find((id) => String(id) === String(given)) ?? given;
  const [only, ...others] = open;
  return others.length === 0 ? only : undefined;
}

function errorOf(error: unknown): { code: number; message: string; data?: unknown } {
  if (typeof error === 'string' && error !== '') return { code: -32_603, message: error };
  if (!isObject(error)) return { code: -32_603, message: noResult };
  const { code, message, data } = error;
  return {
    code: Number.isInteger(code) ? (code as number) : -32_603,
    message: messageIn(message) ?? messageIn(data) ?? noResult,
    ...(data !== undefined && { data }),
  };
}

/** Some say what went wrong in the data of an error, and nothing in its message. */
function messageIn(said: unknown): string | undefined {
  if (typeof said === 'string') return said === '' ? undefined : said;
  return isObject(said)
    ? (messageIn(said.message) ?? messageIn(said.error) ?? messageIn(said.detail))
    : undefined;
}

const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Beside a result, anything less is none. */
const isError = (error: unknown): boolean =>
  (typeof error === 'string' && error !== '') || (isObject(error) && messageIn(error) !== undefined);
