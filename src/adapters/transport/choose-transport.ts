import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { ProvisioningAnswer, WebSocketEndpoint } from '../../ports/provisioning.ts';
import type { SessionTransport, TransportFactory } from '../../ports/session-transport.ts';
import { WebSocketTransport, type WebSocketTransportOptions } from './websocket-transport.ts';

/** What the user says about the server; it always beats what an OTA server answers. */
export interface ServerWishes {
  readonly transport: 'auto' | 'websocket' | 'mqtt';
  readonly websocketUrl?: string | undefined;
  readonly token?: string | undefined;
  readonly protocolVersion?: 1 | 2 | 3 | undefined;
}

/**
 * The endpoint that an answer and the user's wishes come to.
 * @throws ClientError PROVISIONING_BAD_ANSWER or TRANSPORT_UNSUPPORTED when there is none this device can use
 */
export function selectEndpoint(answer: ProvisioningAnswer, wishes: ServerWishes): WebSocketEndpoint {
  const url = wishes.websocketUrl ?? answer.websocket?.url;
  if (wishes.transport !== 'mqtt' && url !== undefined) {
    return {
      url,
      token: wishes.token ?? answer.websocket?.token ?? '',
      version: wishes.protocolVersion ?? answer.websocket?.version ?? 1,
    };
  }
  if (answer.mqtt || wishes.transport === 'mqtt') {
    throw new ClientError(
      ErrorCode.transportUnsupported,
      'This server wants MQTT, which this version does not speak yet. Set server.websocketUrl to the WebSocket address of the same server.',
    );
  }
  throw new ClientError(
    ErrorCode.provisioningBadAnswer,
    'The OTA server did not say where to connect. Check server.url, or set server.websocketUrl yourself.',
  );
}

export type TransportSettings = Omit<WebSocketTransportOptions, 'endpoint'> & { readonly clock: Clock };

/** Makes a transport per channel, to wherever the latest answer points. */
export class TransportChooser implements TransportFactory {
  readonly #settings: TransportSettings;
  readonly #wishes: ServerWishes;
  #endpoint: WebSocketEndpoint | undefined;

  constructor(settings: TransportSettings, wishes: ServerWishes) {
    this.#settings = settings;
    this.#wishes = wishes;
  }

  /** @throws ClientError see `selectEndpoint` */
  use(answer: ProvisioningAnswer): void {
    this.#endpoint = selectEndpoint(answer, this.#wishes);
  }

  create(): SessionTransport {
    this.#endpoint ??= selectEndpoint({}, this.#wishes);
    return new WebSocketTransport({ ...this.#settings, endpoint: this.#endpoint });
  }
}
