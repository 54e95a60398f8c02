import * as z from 'zod';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import { printableText } from '../../core/printable-text.ts';
import type { MqttEndpoint, ProvisioningAnswer, WebSocketEndpoint } from '../../ports/provisioning.ts';
import { serverWords, wordsOfText } from '../../protocol/server-words.ts';
import { isNewerVersion } from './version.ts';

export interface AnswerContext {
  /** For messages, without credentials. */
  readonly url: string;
  /** Wall clock, ms since 1970. */
  readonly nowMs: number;
  /** Version of this program. */
  readonly version: string;
}

// A member of the wrong type counts as absent (firmware A4, A21), numbers and texts stand in for each other.
const text = z
  .union([z.string(), z.number().transform(String)])
  .optional()
  .catch(undefined);
const number = z
  .union([z.number(), z.string().trim().min(1).transform(Number)])
  .refine(Number.isFinite)
  .optional()
  .catch(undefined);
/** What gateways tell devices to publish to (servers.md 1.13); they take any topic. */
const standardPublishTopic = 'device-server';
const section = <Shape extends z.ZodRawShape>(shape: Shape) => z.object(shape).optional().catch(undefined);

const Answer = z.looseObject({
  activation: section({ code: text, message: text, challenge: text }),
  websocket: section({ url: text, token: text, version: number }),
  mqtt: section({
    endpoint: text,
    client_id: text,
    username: text,
    password: text,
    // Null stands for the one that all use: it is absent that is a fault.
    publish_topic: z
      .null()
      .transform(() => standardPublishTopic)
      .or(text)
      .catch(undefined),
    subscribe_topic: text,
    keepalive: number,
  }),
  server_time: section({ timestamp: number, timezone_offset: number }),
  firmware: section({ version: text, url: text, force: number }),
});

type Answer = z.output<typeof Answer>;

/**
 * Reads the body of an OTA answer (firmware A.3, tolerant).
 * @throws ClientError PROVISIONING_BAD_ANSWER when it is not a JSON object, PROVISIONING_REFUSED when a server wraps
 * a refusal in status 200.
 */
export function parseOtaAnswer(body: string, context: AnswerContext): ProvisioningAnswer {
  const answer = parseObject(body, context.url);
  const websocket = readWebSocket(answer.websocket);
  const mqtt = readMqtt(answer.mqtt);
  const activation = readActivation(answer.activation);
  if (!websocket && !mqtt && !activation) {
    refuseIfSaid(answer, context.url);
    complainAboutUrl(answer.websocket?.url, context.url);
  }
  const { timestamp, timezone_offset: timezoneOffsetMinutes } = answer.server_time ?? {};
  return {
    websocket,
    mqtt,
    activation,
    clockOffsetMs: timestamp !== undefined && timestamp > 0 ? timestamp - context.nowMs : undefined,
    timezoneOffsetMinutes,
    firmware: readFirmware(answer.firmware, context.version),
  };
}

function parseObject(body: string, url: string): Answer {
  const parsed = Answer.safeParse(unwrapped(jsonOrUndefined(body)));
  if (parsed.success) return parsed.data;
  const said = wordsOfText(body);
  throw new ClientError(
    ErrorCode.provisioningBadAnswer,
    `The answer of ${url} is not a JSON object${body.trim() === '' ? ' but empty' : ''}.${said === '' ? '' : ` It says: “${said}”.`} Check that server.url is the address of an OTA server; most end in /xiaozhi/ota/.`,
    { retryable: true },
  );
}

/** Web frameworks put what they answer into `data`, beside a code and a word. */
function unwrapped(answer: unknown): unknown {
  const { data } = Object(answer) as { readonly data?: unknown };
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return answer;
  const isWrapped = sections.some((name) => name in data) && !sections.some((name) => name in Object(answer));
  return isWrapped ? { ...Object(answer), ...data } : answer;
}

const sections = ['websocket', 'mqtt', 'activation'] as const;

function jsonOrUndefined(body: string): unknown {
  try {
    return JSON.parse(body.replace(/^\uFEFF/, ''));
  } catch {
    return undefined;
  }
}

/** An empty URL is what a server sends that has not been told its own address. */
function readWebSocket(given: Answer['websocket']): WebSocketEndpoint | undefined {
  const url = given?.url?.trim() ?? '';
  if (!isWebSocketUrl(url)) return undefined;
  const version = given?.version;
  const known = version === 1 || version === 2 || version === 3;
  return { url, token: given?.token ?? '', version: known ? version : 1 };
}

function isWebSocketUrl(url: string): boolean {
  return /^wss?:\/\//i.test(url) && URL.canParse(url);
}

function readMqtt(given: Answer['mqtt']): MqttEndpoint | undefined {
  const endpoint = given?.endpoint?.trim() ?? '';
  if (!given || endpoint === '') return undefined;
  return {
    endpoint,
    clientId: given.client_id ?? '',
    username: given.username ?? '',
    password: given.password ?? '',
    publishTopic: given.publish_topic === 'null' ? standardPublishTopic : (given.publish_topic ?? ''),
    ...(given.subscribe_topic && { subscribeTopic: given.subscribe_topic }),
    ...(given.keepalive !== undefined && given.keepalive > 0 && { keepAliveSeconds: given.keepalive }),
  };
}

function readActivation(given: Answer['activation']): ProvisioningAnswer['activation'] {
  if (!given?.code && !given?.challenge) return undefined;
  return {
    ...(given.code && { code: given.code }),
    ...(given.message && { message: given.message }),
    ...(given.challenge && { challenge: given.challenge }),
  };
}

function readFirmware(given: Answer['firmware'], current: string): ProvisioningAnswer['firmware'] {
  const { version, url, force } = given ?? {};
  // A server that has no image for a device not yet activated says so in place of the URL.
  if (!version || !url || !URL.canParse(url) || url.includes('NOT_ACTIVATED')) return undefined;
  return { version, url, newer: force === 1 || isNewerVersion(version, current) };
}

/** Codes and words by which servers say that all is well, though they name nothing to connect to. */
const wellCodes: ReadonlySet<unknown> = new Set([undefined, null, 0, 200, '', '0', '200', true]);
const wellWords = /^(?:ok|success|successful|成功|操作成功|请求成功)[.!。！]?$/iu;

function refuseIfSaid(answer: Answer, url: string): void {
  const said = serverWords({ ...answer, code: undefined });
  const isRefusal =
    answer.success === false ||
    (answer.error !== undefined && answer.error !== null && answer.error !== '') ||
    !wellCodes.has(answer.code) ||
    (said !== '' && !wellWords.test(said));
  if (!isRefusal) return;
  const words = said === '' ? serverWords({ code: answer.code }) : said;
  throw new ClientError(
    ErrorCode.provisioningRefused,
    `The OTA server ${url} refused this device${words && `: “${words}”`}. Ask its operator, or set another server with --server.`,
  );
}

function complainAboutUrl(given: string | undefined, url: string): void {
  if (!given?.trim() || isWebSocketUrl(given.trim())) return;
  throw new ClientError(
    ErrorCode.provisioningBadAnswer,
    `The OTA server ${url} names “${printableText(given, 200)}” as its WebSocket, which is no ws:// or wss:// URL. Correct it in the server's settings, or set server.websocketUrl here.`,
  );
}
