import { z } from 'zod';
import { withExactMember } from '../core/exact-json.ts';
import { faultWords } from '../core/fault-words.ts';

/** How many characters of a text message are looked at; a longer one is refused unread. Tool lists stay far below it. */
export const maxMessageCharacters = 1_048_576;

const text = z.string();

/** Some servers put JSON into a text. */
function readText(payload: unknown): unknown {
  if (typeof payload !== 'string') return payload;
  try {
    return JSON.parse(payload);
  } catch {
    return payload;
  }
}
const optionalText = text.catch('');

/** Servers that tell voices apart put the words into an object, or into JSON within the text (servers.md 7). */
const transcript = z
  .union([text, z.looseObject({ content: text }).transform(({ content }) => content)])
  .transform((said) => (said.startsWith('{') ? (spokenIn(said) ?? said) : said))
  .pipe(text.regex(/\S/u));

function spokenIn(json: string): string | undefined {
  const parsed = parseMessageText(json);
  return parsed.ok && typeof parsed.json.content === 'string' ? parsed.json.content : undefined;
}

/**
 * What servers send, loosely: unknown members are ignored (firmware E, servers.md). A member with the wrong type makes
 * the message ineffective, never an error reply (E10).
 */
const serverMessage = z.discriminatedUnion('type', [
  z.looseObject({ type: z.literal('tts'), state: text, text: text.optional().catch(undefined) }),
  z.looseObject({ type: z.literal('stt'), text: transcript }),
  z.looseObject({ type: z.literal('llm'), emotion: text, text: text.optional().catch(undefined) }),
  z.looseObject({ type: z.literal('mcp'), payload: z.preprocess(readText, z.record(text, z.unknown())) }),
  z.looseObject({ type: z.literal('system'), command: text }),
  z.looseObject({ type: z.literal('alert'), status: optionalText, message: text, emotion: optionalText }),
  /** Its words: `serverWords`. */
  z.looseObject({ type: z.literal('error') }),
  z.looseObject({ type: z.literal('speak_request'), auto_listen: z.boolean().optional().catch(undefined) }),
  z.looseObject({ type: z.literal('hello') }),
  z.looseObject({ type: z.literal('goodbye'), session_id: text.optional().catch(undefined) }),
]);

export type ServerMessage = z.infer<typeof serverMessage>;

const knownTypes: ReadonlySet<string> = new Set(
  serverMessage.options.map((option) => option.shape.type.value),
);

/**
 * What servers and gateways say that is nothing to this device, and its own messages, which some send back (servers.md 5.1,
 * 7).
 */
const idleTypes: ReadonlySet<string> = new Set([
  'iot',
  'server',
  'ping',
  'pong',
  'custom',
  'notify',
  'call_accepted',
  'abort',
  'listen',
  'text',
  'speak_ready',
  'udp_timeout',
]);

/** Without their words these say nothing, which is no fault worth telling. */
const mayBeEmpty: ReadonlySet<string> = new Set(['stt', 'llm']);

export type ParsedMessage =
  | { readonly ok: true; readonly message: ServerMessage }
  | {
      readonly ok: false;
      /** `nothing`: it means nothing to this device, and that is as it should be. */
      readonly problem: 'no-type' | 'bad-field' | 'unknown-type' | 'nothing';
      /** `` when there is none. */
      readonly type: string;
      readonly reason: string;
    };

/** One JSON object of the server, checked once. Never throws, whatever is in it. */
export function parseServerMessage(json: Readonly<Record<string, unknown>>): ParsedMessage {
  const { type } = json;
  if (typeof type !== 'string') {
    return {
      ok: false,
      problem: 'no-type',
      type: '',
      reason: 'the member "type" is missing or not a string',
    };
  }
  if (idleTypes.has(type)) {
    return { ok: false, problem: 'nothing', type, reason: 'it is of no use to this device' };
  }
  if (!knownTypes.has(type)) {
    return { ok: false, problem: 'unknown-type', type, reason: 'this device does not know the type' };
  }
  const parsed = serverMessage.safeParse(json, { error: faultWords });
  if (parsed.success) return { ok: true, message: parsed.data };
  const issue = parsed.error.issues[0];
  return {
    ok: false,
    problem: mayBeEmpty.has(type) ? 'nothing' : 'bad-field',
    type,
    reason: `the member "${issue?.path.join('.') ?? ''}" ${issue?.message ?? 'is wrong'}`,
  };
}

export type ParsedText =
  | { readonly ok: true; readonly json: Readonly<Record<string, unknown>> }
  | { readonly ok: false; readonly reason: string };

/** The JSON object in a text message; bounds before bytes. */
export function parseMessageText(raw: string): ParsedText {
  if (raw.length > maxMessageCharacters) {
    return { ok: false, reason: `it has ${raw.length} characters, allowed are ${maxMessageCharacters}` };
  }
  try {
    const value: unknown = JSON.parse(raw);
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      const json = value as Readonly<Record<string, unknown>>;
      if (json.type !== 'mcp') return { ok: true, json };
      return { ok: true, json: withExactMember(json, raw, ['payload', 'params', 'arguments']) };
    }
    return { ok: false, reason: 'it is JSON, but not an object' };
  } catch {
    return { ok: false, reason: 'it is not JSON' };
  }
}

/** Messages of the device, compact and with `session_id` first, as the firmware writes them (E1–E6). */
export const clientMessage = {
  listenStart: (sessionId: string, mode: 'auto' | 'manual' | 'realtime') =>
    JSON.stringify({ session_id: sessionId, type: 'listen', state: 'start', mode }),
  listenStop: (sessionId: string) => JSON.stringify({ session_id: sessionId, type: 'listen', state: 'stop' }),
  /** The wake word, or any text: the only text input that real servers take (servers.md 1.4). */
  listenDetect: (sessionId: string, detected: string) =>
    JSON.stringify({ session_id: sessionId, type: 'listen', state: 'detect', text: detected }),
  abort: (sessionId: string, reason: 'wake-word' | 'user') =>
    JSON.stringify(
      reason === 'wake-word'
        ? { session_id: sessionId, type: 'abort', reason: 'wake_word_detected' }
        : { session_id: sessionId, type: 'abort' },
    ),
  /** `payload`: JSON. */
  mcp: (sessionId: string, payload: unknown) =>
    JSON.stringify({ session_id: sessionId, type: 'mcp', payload }),
  /** Answer of newer servers' `speak_request`: they may begin to speak (servers.md 5.2). */
  speakReady: (sessionId: string) => JSON.stringify({ session_id: sessionId, type: 'speak_ready' }),
  /** Text input of some servers, which then answer with tools. */
  listenText: (sessionId: string, text: string) =>
    JSON.stringify({ session_id: sessionId, type: 'listen', state: 'text', text }),
  text: (sessionId: string, text: string) => JSON.stringify({ session_id: sessionId, type: 'text', text }),
  /** No sound of the server arrives (servers.md 3.4). */
  udpTimeout: () => JSON.stringify({ type: 'udp_timeout' }),
  goodbye: (sessionId: string) => JSON.stringify({ session_id: sessionId, type: 'goodbye' }),
};
