import { z } from 'zod';
import type { ConversationParts } from './conversation-parts.ts';
import { createConversation } from './converse.ts';
import type { DeviceLink, DeviceLinkHandler } from './device-link.ts';
import type { UdpEndpoint } from './udp-endpoint.ts';

export interface MqttDeviceParts extends ConversationParts {
  readonly udp: UdpEndpoint;
  /** Where the device is told to send audio. */
  readonly udpAddress: { readonly server: string; readonly port: number };
  push(message: object): void;
  hangUp(): void;
}

/** A device on one MQTT connection, in and out of conversations. */
export interface MqttDevice {
  receive(text: string): void;
  push(message: object): void;
  /** It broke a rule that costs the connection. */
  refuse(reason: string): void;
  gone(): void;
}

const envelope = z.looseObject({
  type: z.string(),
  session_id: z.string().catch(''),
  version: z.unknown().optional(),
  payload: z.looseObject({ id: z.unknown().optional() }).optional().catch(undefined),
});

/** Ids of the gateway's own requests; those of a conversation count from 1 (servers.md 3.2). */
const initializeId = 10_000;
const listId = 10_001;

/**
 * Does what a gateway does: a hello begins a conversation, goodbye ends it and is echoed (servers.md 3.4). The Go server
 * takes no notice of goodbye (servers.md 5.1).
 */
export function createMqttDevice(parts: MqttDeviceParts): MqttDevice {
  const { behaviour, logger, udp, udpAddress, push, hangUp } = parts;
  let talk: { readonly handler: DeviceLinkHandler; sessionId: string } | undefined;
  // Only the Go server speaks MQTT itself; in front of the others is the gateway.
  const isGateway = behaviour.manner !== 'go';
  const audio = udp.open((packet) => talk?.handler.onAudio(packet), { longIds: !isGateway });

  function beginTalk(text: string): void {
    endTalk();
    const keys = audio.renew();
    const link: DeviceLink = {
      helloFields: () => ({
        version: 3,
        transport: 'udp',
        udp: { ...udpAddress, encryption: 'aes-128-ctr', ...keys },
      }),
      sendJson(message) {
        const { type, session_id } = message as { type?: unknown; session_id?: unknown };
        if (type === 'hello' && typeof session_id === 'string') begun.sessionId = session_id;
        push(message);
      },
      // What is no message has cost the connection already (`receive`).
      echo: (text) => push(JSON.parse(text)),
      sendAudio: (packet, timestampMs) => audio.send(packet, timestampMs),
      close: () => {
        if (talk === begun) endTalk();
      },
    };
    const begun = { handler: createConversation(link, parts), sessionId: '' };
    talk = begun;
    begun.handler.onText(text);
  }

  function endTalk(): void {
    const ended = talk;
    talk = undefined;
    if (!ended) return;
    ended.handler.onClosed();
    if (isGateway) push({ type: 'goodbye', session_id: ended.sessionId });
    logger.info('conversation ended', { ...audio.counters });
  }

  /** Requests of the gateway itself, which needs no conversation to know the tools. */
  function takeOwnAnswer(id: unknown): void {
    if (id === initializeId) {
      push({ type: 'mcp', payload: { jsonrpc: '2.0', method: 'notifications/initialized' } });
      push({ type: 'mcp', payload: { jsonrpc: '2.0', id: listId, method: 'tools/list', params: {} } });
    }
    if (id === listId) logger.info('tools known outside of conversations');
  }

  function refuse(reason: string): void {
    logger.warn('device cut off', { reason });
    hangUp();
  }

  function initialize(): void {
    push({
      type: 'mcp',
      payload: {
        jsonrpc: '2.0',
        id: initializeId,
        method: 'initialize',
        params: {
          protocolVersion: '2024-11-05',
          capabilities: {},
          clientInfo: { name: 'xiaozhi-speaker-demo', version: '1' },
        },
      },
    });
  }

  function receiveInGateway({ type, session_id, payload }: Envelope, text: string): void {
    const id = payload?.id;
    if (type === 'mcp' && typeof id === 'number' && id >= initializeId) takeOwnAnswer(id);
    else if (talk && type === 'goodbye') endTalk();
    else if (talk) talk.handler.onText(text);
    else if (type !== 'goodbye' && type !== 'mcp') push({ type: 'goodbye', session_id });
    else logger.debug('nothing to do outside of a conversation', { type });
  }

  if (isGateway) initialize();
  return {
    receive(text) {
      const message = parse(text);
      if (!message) return refuse('it published what is no message');
      const { type, version } = message;
      if (type === 'hello' && isGateway && version !== 3) return refuse('its hello is not of version 3');
      if (type === 'hello') beginTalk(text);
      else if (isGateway) receiveInGateway(message, text);
      else talk?.handler.onText(text);
    },
    push,
    refuse,
    gone() {
      const ended = talk;
      talk = undefined;
      ended?.handler.onClosed();
      audio.close();
      logger.info('device disconnected from MQTT', { ...audio.counters });
    },
  };
}

type Envelope = z.infer<typeof envelope>;

function parse(text: string): Envelope | undefined {
  try {
    return envelope.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}
