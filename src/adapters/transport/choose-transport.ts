import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import { lazyPart } from '../../core/lazy-part.ts';
import type { ControlLink } from '../../ports/control-link.ts';
import type { MqttEndpoint, ProvisioningAnswer, WebSocketEndpoint } from '../../ports/provisioning.ts';
import type { SessionTransport, TransportFactory } from '../../ports/session-transport.ts';
import type { MqttHub } from './mqtt-hub.ts';
import { WebSocketTransport, type WebSocketTransportOptions } from './websocket-transport.ts';

const loadMqtt = lazyPart(() => import('./mqtt-hub.ts'));

/** What the user says about the server; it always beats what an OTA server answers. */
export interface ServerWishes {
  readonly transport: 'auto' | 'websocket' | 'mqtt';
  readonly websocketUrl?: string | undefined;
  readonly token?: string | undefined;
  readonly protocolVersion?: 1 | 2 | 3 | undefined;
  readonly mqtt?: MqttEndpoint | undefined;
  /** For brokers that do not push unasked (firmware D4). */
  readonly subscribeTopic?: string | undefined;
  readonly keepAliveSeconds?: number | undefined;
}

export type Road =
  | { readonly kind: 'websocket'; readonly endpoint: WebSocketEndpoint }
  | { readonly kind: 'mqtt'; readonly endpoint: MqttEndpoint };

/**
 * The road that an answer and the user's wishes come to. What the user named wins; of what a server offers, MQTT does
 * (firmware A22).
 * @throws ClientError PROVISIONING_BAD_ANSWER when nothing is named
 */
export function selectRoad(answer: ProvisioningAnswer, wishes: ServerWishes): Road {
  const mqtt = wishes.transport === 'websocket' ? undefined : mqttRoad(answer, wishes);
  const websocket = wishes.transport === 'mqtt' ? undefined : websocketRoad(answer, wishes);
  const named = wishes.websocketUrl !== undefined && wishes.mqtt === undefined ? websocket : undefined;
  const road = named ?? mqtt ?? websocket;
  if (road) return road;
  const wanted =
    wishes.transport === 'auto' ? '' : ` over ${wishes.transport === 'mqtt' ? 'MQTT' : 'WebSocket'}`;
  throw new ClientError(
    ErrorCode.provisioningBadAnswer,
    `The server did not say where to connect${wanted}. Check server.url and server.transport, or set server.websocketUrl yourself.`,
  );
}

function mqttRoad(answer: ProvisioningAnswer, wishes: ServerWishes): Road | undefined {
  const endpoint = wishes.mqtt ?? answer.mqtt;
  if (!endpoint) return undefined;
  const { subscribeTopic = endpoint.subscribeTopic, keepAliveSeconds = endpoint.keepAliveSeconds } = wishes;
  return { kind: 'mqtt', endpoint: { ...endpoint, subscribeTopic, keepAliveSeconds } };
}

function websocketRoad({ websocket }: ProvisioningAnswer, wishes: ServerWishes): Road | undefined {
  const url = wishes.websocketUrl ?? websocket?.url;
  if (url === undefined) return undefined;
  const endpoint = {
    url,
    token: wishes.token ?? websocket?.token ?? '',
    version: wishes.protocolVersion ?? websocket?.version ?? 1,
  };
  return { kind: 'websocket', endpoint };
}

export type TransportSettings = Omit<WebSocketTransportOptions, 'endpoint'> & { readonly clock: Clock };

/** Makes a transport per channel, and a control link where there is one, to wherever the latest answer points. */
export class TransportChooser implements TransportFactory {
  readonly #settings: TransportSettings;
  readonly #wishes: ServerWishes;
  #road: Road | undefined;
  #hub: MqttHub | undefined;
  #told = new Set<string>();
  /** The newest; there is one at a time. */
  #socket: WebSocketTransport | undefined;

  constructor(settings: TransportSettings, wishes: ServerWishes) {
    this.#settings = settings;
    this.#wishes = wishes;
  }

  /**
   * From now on, this answer counts; true when it leads elsewhere than the one before. MQTT is loaded only when it is the road: it is a large part of the program.
   * @throws ClientError see `selectRoad`
   */
  async use(answer: ProvisioningAnswer): Promise<boolean> {
    const road = selectRoad(answer, this.#wishes);
    if (JSON.stringify(road) === JSON.stringify(this.#road)) return false;
    this.#road = road;
    this.#told = new Set();
    // Who still uses the old hub closes it.
    this.#hub = road.kind === 'mqtt' ? await this.#createHub(road.endpoint) : undefined;
    return true;
  }

  /** After `use`. */
  create(): SessionTransport {
    if (this.#hub) return this.#hub.create();
    if (this.#road?.kind !== 'websocket') throw new Error('no road has been chosen');
    const { endpoint } = this.#road;
    this.#socket = new WebSocketTransport({ ...this.#settings, endpoint, told: this.#told });
    return this.#socket;
  }

  /** The network may have changed: connections that are open ask the other end for a sign of life, and end without one. */
  checkLife(): void {
    this.#socket?.checkLife();
    this.#hub?.checkLife();
  }

  /** Undefined when the road needs none, or there is no road yet. */
  createLink(): ControlLink | undefined {
    return this.#hub?.createLink();
  }

  async #createHub(endpoint: MqttEndpoint): Promise<MqttHub> {
    const mqtt = await loadMqtt();
    return new mqtt.MqttHub({ ...this.#settings, endpoint });
  }
}
