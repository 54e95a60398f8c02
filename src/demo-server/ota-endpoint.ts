import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { z } from 'zod';
import { assertNever } from '../core/exhaustive.ts';
import type { Logger } from '../core/logger.ts';
import type { ActivationDesk } from './activation.ts';
import type { MqttOffer } from './mqtt-endpoint.ts';

export const otaPath = '/xiaozhi/ota/';
const maxBodyBytes = 64 * 1024;
const maxTokens = 1000;

export interface OtaEndpointOptions {
  readonly activation: ActivationDesk;
  readonly protocolVersion: 1 | 2 | 3;
  /** `host:port` of this server as the asking device can reach it. */
  hostFor(request: IncomingMessage): string;
  /** The chat server's address as the asking device can reach it. */
  websocketUrlFor(request: IncomingMessage): string;
  /** Offers MQTT beside the WebSocket; a device that speaks both takes it. */
  readonly mqttOfferFor?:
    | ((request: IncomingMessage, deviceId: string, clientId: string, password: string) => MqttOffer)
    | undefined;
  readonly logger: Logger;
}

export interface OtaEndpoint {
  handle(request: IncomingMessage, response: ServerResponse): void;
  /** Was this bearer token issued to this device? */
  knowsToken(deviceId: string, token: string): boolean;
}

interface Answer {
  readonly status: number;
  readonly body: string | object;
}

const tooLargeBody = Symbol('a body that is not read');

const requestBody = z
  .looseObject({ application: z.looseObject({ version: z.string() }) })
  .transform(({ application }) => application.version)
  .catch('0.0.0');

/** The HTTP side: where the device asks for its chat server and gets bound to a person. */
export function createOtaEndpoint(options: OtaEndpointOptions): OtaEndpoint {
  const { activation, protocolVersion, hostFor, websocketUrlFor, mqttOfferFor, logger } = options;
  const tokens = new Map<string, string>();

  function tokenFor(deviceId: string): string {
    const known = tokens.get(deviceId);
    if (known !== undefined) return known;
    const oldest = tokens.size >= maxTokens ? tokens.keys().next().value : undefined;
    if (oldest !== undefined) tokens.delete(oldest);
    const token = randomBytes(24).toString('base64url');
    tokens.set(deviceId, token);
    return token;
  }

  function answerCheck(request: IncomingMessage, body: unknown): Answer {
    const deviceId = header(request, 'device-id');
    const clientId = header(request, 'client-id');
    if (!deviceId || !clientId) return { status: 200, body: { success: false, message: 'request error.' } };
    const offer = activation.offer(deviceId, hostFor(request));
    logger.info('device asks where to connect', { deviceId, activated: offer === undefined });
    return {
      status: 200,
      body: {
        server_time: { timestamp: Date.now(), timezone_offset: -new Date().getTimezoneOffset() },
        firmware: { version: requestBody.parse(body), url: '' },
        websocket: { url: websocketUrlFor(request), token: tokenFor(deviceId), version: protocolVersion },
        ...(mqttOfferFor && { mqtt: mqttOfferFor(request, deviceId, clientId, tokenFor(deviceId)) }),
        ...(offer && { activation: offer }),
      },
    };
  }

  function answerActivation(request: IncomingMessage, body: unknown): Answer {
    const outcome = activation.ask(header(request, 'device-id'), body);
    switch (outcome) {
      case 'activated':
        return { status: 200, body: 'success' };
      case 'pending':
        return { status: 202, body: 'the code has not been entered yet' };
      case 'forged':
        logger.warn('activation refused', { outcome });
        return { status: 400, body: { error: 'The signature is wrong.' } };
      case 'unknown':
        logger.warn('activation refused', { outcome });
        return { status: 400, body: { error: 'This device never asked for a code.' } };
      default:
        return assertNever(outcome);
    }
  }

  function answerPerson(code: string | null): Answer {
    if (code === null) return { status: 200, body: 'Add ?code= and the six digits that the device shows.\n' };
    if (activation.enter(code)) return { status: 200, body: 'Activated. The device notices by itself.\n' };
    return {
      status: 404,
      body: 'No device shows this code. Codes are used once; look at the device again.\n',
    };
  }

  function answer(request: IncomingMessage, body: unknown): Answer {
    const url = urlOf(request);
    switch (`${request.method} ${url.pathname}`) {
      case `POST ${otaPath}`:
        return answerCheck(request, body);
      case `POST ${otaPath}activate`:
        return answerActivation(request, body);
      case `GET ${otaPath}`:
        return { status: 200, body: `The chat server is at ${websocketUrlFor(request)}\n` };
      case 'GET /activate':
        return answerPerson(url.searchParams.get('code'));
      default:
        return {
          status: 404,
          body: `There is nothing here; devices ask at ${otaPath}, with the slash at the end.\n`,
        };
    }
  }

  return {
    handle(request, response) {
      readBody(request, (body) => {
        const tooLarge = { status: 413, body: `A request body may have ${maxBodyBytes} bytes.\n` };
        send(response, body === tooLargeBody ? tooLarge : answer(request, body));
      });
    },
    knowsToken: (deviceId, token) => tokens.get(deviceId) === token,
  };
}

/** Path and query; `/` for what is no URL. Only those two are looked at, so the host does not matter. */
export function urlOf({ url = '/' }: IncomingMessage): URL {
  return new URL(URL.canParse(url, 'http://demo') ? url : '/', 'http://demo');
}

/** Hands over the JSON body, undefined for an empty or broken one: real servers do not insist on it. */
function readBody(request: IncomingMessage, onBody: (body: unknown) => void): void {
  const parts: Buffer[] = [];
  let size = 0;
  request.on('data', (part: Buffer) => {
    size += part.length;
    if (size <= maxBodyBytes) parts.push(part);
  });
  request.on('error', () => {});
  request.on('end', () =>
    onBody(size > maxBodyBytes ? tooLargeBody : parseJson(Buffer.concat(parts).toString('utf8'))),
  );
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function header(request: IncomingMessage, name: string): string {
  const value = request.headers[name];
  return typeof value === 'string' ? value : '';
}

/** Text for people, JSON for devices. */
function send(response: ServerResponse, { status, body }: Answer): void {
  const isText = typeof body === 'string';
  response
    .writeHead(status, { 'content-type': `${isText ? 'text/plain' : 'application/json'}; charset=utf-8` })
    .end(isText ? body : JSON.stringify(body));
}
