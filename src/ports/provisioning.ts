/** How to reach the chat server over WebSocket. */
export interface WebSocketEndpoint {
  readonly url: string;
  readonly token: string;
  /** Binary protocol version 1, 2 or 3; firmware C3. */
  readonly version: number;
}

/** How to reach the MQTT gateway; the values are passed on as the server gave them (firmware D1). */
export interface MqttEndpoint {
  readonly endpoint: string;
  readonly clientId: string;
  readonly username: string;
  readonly password: string;
  readonly publishTopic: string;
  readonly subscribeTopic?: string | undefined;
  readonly keepAliveSeconds?: number | undefined;
}

export interface ActivationRequest {
  readonly code?: string | undefined;
  readonly message?: string | undefined;
  readonly challenge?: string | undefined;
}

/** What an OTA server answered, after parsing (firmware A.3). Every part is optional. */
export interface ProvisioningAnswer {
  readonly websocket?: WebSocketEndpoint | undefined;
  readonly mqtt?: MqttEndpoint | undefined;
  readonly activation?: ActivationRequest | undefined;
  /** Server clock minus ours, for display only; the system clock is never touched (A24). */
  readonly clockOffsetMs?: number | undefined;
  readonly timezoneOffsetMinutes?: number | undefined;
  readonly firmware?: { readonly version: string; readonly url: string; readonly newer: boolean } | undefined;
}

/** `activated`: the server knows us now. `pending`: ask again in 3 s. `failed`: ask again in 10 s (A42). */
export type ActivationOutcome = 'activated' | 'pending' | 'failed';

/** The OTA server: tells where to connect and binds the device to an account. */
export interface Provisioning {
  /** For messages; without credentials. */
  readonly url: string;
  /** @throws ClientError PROVISIONING_UNREACHABLE, PROVISIONING_REFUSED or PROVISIONING_BAD_ANSWER */
  check(signal: AbortSignal): Promise<ProvisioningAnswer>;
  /** Never rejects but for an abort; without a challenge it fails locally (A48). */
  activate(request: ActivationRequest, signal: AbortSignal): Promise<ActivationOutcome>;
}
