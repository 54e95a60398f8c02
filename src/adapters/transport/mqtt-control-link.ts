import type { Clock, TimerHandle } from '../../core/clock.ts';
import type { ClientError } from '../../core/errors.ts';
import type { ControlLink, ControlLinkHandlers } from '../../ports/control-link.ts';
import type { ChannelEnd } from '../../ports/session-transport.ts';
import type { MqttHub, MqttUser } from './mqtt-hub.ts';

/** A gateway that does not like us hangs up within milliseconds of the CONNACK (servers.md 3.1). */
const quietMs = 2_000;

/** Holds the hub's connection between conversations. */
export class MqttControlLink implements ControlLink, MqttUser {
  readonly maxMessageBytes: number;
  readonly #hub: MqttHub;
  readonly #clock: Clock;
  #handlers: ControlLinkHandlers | undefined;
  #up = false;
  #quietTimer: TimerHandle;

  constructor(hub: MqttHub, clock: Clock) {
    this.#hub = hub;
    this.#clock = clock;
    this.maxMessageBytes = hub.maxMessageBytes;
  }

  open(handlers: ControlLinkHandlers): void {
    this.#handlers = handlers;
    this.#hub.join(this, 'link');
  }

  sendText(text: string): boolean {
    return this.#handlers !== undefined && this.#hub.publish(text, this);
  }

  async close(): Promise<void> {
    this.#handlers = undefined;
    this.#clock.clearTimeout(this.#quietTimer);
    await this.#hub.leave(this);
  }

  onConnected(): void {
    this.#quietTimer = this.#clock.setTimeout(() => this.onHeard(), quietMs);
  }

  onHeard(): void {
    this.#clock.clearTimeout(this.#quietTimer);
    if (this.#up) return;
    this.#up = true;
    this.#handlers?.onUp();
  }

  onMessage(json: Readonly<Record<string, unknown>>): void {
    this.#handlers?.onMessage(json);
  }

  onProblem(error: ClientError): void {
    this.#handlers?.onProblem(error);
  }

  onEnd(end: ChannelEnd): void {
    this.#clock.clearTimeout(this.#quietTimer);
    const handlers = this.#handlers;
    this.#handlers = undefined;
    handlers?.onEnd(end);
  }
}
