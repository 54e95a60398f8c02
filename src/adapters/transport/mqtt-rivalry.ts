import type { Clock } from '../../core/clock.ts';
import { ErrorCode } from '../../core/errors.ts';
import type { MqttEndpoint } from '../../ports/provisioning.ts';
import type { ChannelEnd } from '../../ports/session-transport.ts';
import { endOfSharedIdentity } from './mqtt-end.ts';

/** A connection that the server ends sooner was pushed out, or the server is not well. */
const shortLifeMs = 120_000;
/** So many short lives in a row are no accident. */
const shortLives = 3;
const firstRestMs = 60_000;
const maxRestMs = 300_000;
/** A server that does not like us hangs up sooner; another device needs longer to come back. */
const comebackMs = 30;

/**
 * Two devices with one client id push each other out, each time one of them comes back (MQTT 3.1.1, 3.1.4): for ever, unless
 * somebody notices. A server that is only restarted cannot be reached in between.
 */
export class Rivalry {
  readonly #endpoint: MqttEndpoint;
  readonly #clock: Clock;
  #everKept = false;
  #inARow = 0;
  #told = false;
  #restUntilMs = Number.NEGATIVE_INFINITY;

  constructor(endpoint: MqttEndpoint, clock: Clock) {
    this.#endpoint = endpoint;
    this.#clock = clock;
  }

  /** How long the next connection should wait, unless a person wants it. */
  restMs(): number {
    return this.#restUntilMs - this.#clock.now();
  }

  /**
   * A connection has ended, after the broker had it for `livedMs` (undefined: it never had it). The answer is what people
   * are told: the same, or once what is behind it.
   */
  judge(end: ChannelEnd, livedMs: number | undefined): ChannelEnd {
    const isRefusal = end.error?.code === ErrorCode.transportRefused;
    const hadUs = livedMs !== undefined && (!isRefusal || (this.#everKept && livedMs >= comebackMs));
    if (livedMs !== undefined && !isRefusal) this.#everKept = true;
    if (!hadUs || livedMs >= shortLifeMs) {
      this.#inARow = 0;
      return end;
    }
    this.#inARow += 1;
    if (this.#inARow < shortLives) return end;
    const restMs = Math.min(maxRestMs, firstRestMs * 2 ** (this.#inARow - shortLives));
    this.#restUntilMs = this.#clock.now() + restMs;
    if (this.#told) return end;
    this.#told = true;
    return endOfSharedIdentity(this.#endpoint.endpoint, this.#endpoint.clientId);
  }
}
