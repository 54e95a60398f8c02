import type { JSONRPCRequest } from '@modelcontextprotocol/server';
import { parseExact } from '../core/exact-json.ts';

/** The only one, whatever the server asks for (firmware G10). */
const protocolVersion = '2024-11-05';
/** Where members that the SDK would strip reach the handlers: `params._meta`. */
export const withUserToolsKey = 'xiaozhi/withUserTools';

export const rpcErrorCode = {
  parseError: -32700,
  methodNotFound: -32601,
  invalidParams: -32602,
  internal: -32603,
} as const;

export type RequestId = string | number;

/** Where the server explains pictures, from the capabilities of its `initialize` (firmware G11). */
export interface VisionEndpoint {
  readonly url: string;
  /** `` when the server gave none. */
  readonly token: string;
}

export type NormalisedMessage =
  /** Nothing that needs an answer (firmware G1). */
  | { readonly kind: 'ignored'; readonly reason: string }
  /** Answered without asking anybody. */
  | { readonly kind: 'refused'; readonly id: RequestId; readonly code: number; readonly message: string }
  /** For the SDK. */
  | { readonly kind: 'request'; readonly request: JSONRPCRequest; readonly vision?: VisionEndpoint }
  | { readonly kind: 'call'; readonly id: RequestId; readonly name: string; readonly args: Json }
  | { readonly kind: 'cancellation'; readonly id: RequestId };

type Json = Readonly<Record<string, unknown>>;

/**
 * Turns what servers send into what the SDK takes: firmware rules G1–G3, G11, G20 and G30 where they are right, more
 * tolerant where servers need it (string ids, `params: null`, stray members). Pure; never throws.
 */
export function normalise(payload: Json): NormalisedMessage {
  const { jsonrpc, method, params, id } = payload;
  if (jsonrpc !== '2.0') return ignored('not JSON-RPC 2.0');
  if (typeof method !== 'string') return ignored('no method: a response, or nothing');
  if (method.startsWith('notifications')) return normaliseNotification(method, params);
  const requestId = normaliseId(id);
  if (requestId === undefined) return ignored('the id is missing or neither number nor text');
  if (params !== undefined && params !== null && !isObject(params)) return ignored('params is not an object');
  const given = isObject(params) ? params : undefined;
  switch (method) {
    case 'initialize':
      return initialize(requestId, given ?? {});
    case 'tools/list':
      return list(requestId, given ?? {});
    case 'tools/call':
      return call(requestId, given);
    case 'ping':
      return { kind: 'request', request: { jsonrpc: '2.0', id: requestId, method } };
    default:
      return refused(
        requestId,
        rpcErrorCode.methodNotFound,
        `Method not implemented: ${method.slice(0, 100)}`,
      );
  }
}

/** The SDK insists on members that servers leave out, and reads none that matters here. */
function initialize(id: RequestId, params: Json): NormalisedMessage {
  const request: JSONRPCRequest = {
    jsonrpc: '2.0',
    id,
    method: 'initialize',
    params: { protocolVersion, capabilities: {}, clientInfo: { name: 'server', version: '0' } },
  };
  const vision = visionOf(params);
  return { kind: 'request', request, ...(vision && { vision }) };
}

function visionOf({ capabilities }: Json): VisionEndpoint | undefined {
  const vision = isObject(capabilities) ? capabilities.vision : undefined;
  if (!isObject(vision) || typeof vision.url !== 'string') return undefined;
  return { url: vision.url, token: typeof vision.token === 'string' ? vision.token : '' };
}

function list(id: RequestId, { cursor, withUserTools }: Json): NormalisedMessage {
  const params = {
    ...(typeof cursor === 'string' && cursor !== '' && { cursor }),
    ...(withUserTools === true && { _meta: { [withUserToolsKey]: true } }),
  };
  return { kind: 'request', request: { jsonrpc: '2.0', id, method: 'tools/list', params } };
}

function call(id: RequestId, params: Json | undefined): NormalisedMessage {
  if (!params) return refused(id, rpcErrorCode.invalidParams, 'Missing params');
  const { name } = params;
  if (typeof name !== 'string') return refused(id, rpcErrorCode.invalidParams, 'Missing name');
  const args = argumentsIn(params.arguments);
  if (!args) return refused(id, rpcErrorCode.invalidParams, 'Invalid arguments');
  return { kind: 'call', id, name, args };
}

/**
 * Models write arguments as JSON text, and some servers pass that on as it is; to others an empty list is an empty object. Undefined
 * for what cannot be arguments.
 */
export function argumentsIn(given: unknown): Json | undefined {
  if (given === undefined || given === null || (Array.isArray(given) && given.length === 0)) return {};
  if (typeof given !== 'string') return isObject(given) ? given : undefined;
  if (given.trim() === '') return {};
  try {
    const read = parseExact(given);
    return isObject(read) ? read : undefined;
  } catch {
    return undefined;
  }
}

function normaliseNotification(method: string, params: unknown): NormalisedMessage {
  if (method !== 'notifications/cancelled') return ignored('a notification that means nothing here');
  const requestId = isObject(params) ? normaliseId(params.requestId) : undefined;
  if (requestId === undefined) return ignored('a cancellation without request id');
  return { kind: 'cancellation', id: requestId };
}

/**
 * Text and whole numbers as they are (relays use text, where the firmware stays silent). Fractions are truncated and what
 * is beyond exact numbers is saturated to 32 bits, as the firmware does (G2).
 */
function normaliseId(id: unknown): RequestId | undefined {
  if (typeof id === 'string') return id;
  if (typeof id !== 'number' || Number.isNaN(id)) return undefined;
  // Adding 0 turns -0 into 0.
  const whole = Math.trunc(id) + 0;
  if (Number.isSafeInteger(whole)) return whole;
  return whole > 0 ? 2_147_483_647 : -2_147_483_648;
}

function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const ignored = (reason: string): NormalisedMessage => ({ kind: 'ignored', reason });

const refused = (id: RequestId, code: number, message: string): NormalisedMessage => ({
  kind: 'refused',
  id,
  code,
  message,
});
