import { BoundedQueue } from '../../core/bounded-queue.ts';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import type { ClientError } from '../../core/errors.ts';
import { printableText } from '../../core/printable-text.ts';
import type { ChannelEnd, SessionTransport, TransportHandlers } from '../../ports/session-transport.ts';
import { clientHello, type UplinkFormat } from '../../protocol/hello.ts';
import { clientMessage } from '../../protocol/messages.ts';
import { serverWords } from '../../protocol/server-words.ts';
import { readUdpOffer, type UdpOffer } from '../../protocol/udp-offer.ts';
import { AnswerWatch } from './answer-watch.ts';
import {
  endOfHelloRefused,
  endOfNoHello,
  endOfUnusableHello,
  laterHelloProblem,
  secondHelloMs,
  unboundProblem,
} from './hello-end.ts';
import {
  endOfEarlyGoodbye,
  endOfNoTopic,
  endOfSilence,
  endOfUdpFailure,
  endOfUnsentHello,
  silentAudioProblem,
} from './mqtt-end.ts';
import type { MqttHub, MqttUser } from './mqtt-hub.ts';
import { UdpAudio, type UdpAudioCounters } from './udp-audio.ts';

export interface MqttSessionOptions {
  readonly uplink: UplinkFormat;
  /** The server is asked to cancel echo; then uplink timestamps must be those of what was being played (F60). */
  readonly serverAec?: boolean;
  /** From our hello to the server's (firmware D20). */
  readonly helloTimeoutMs: number;
  /** Without any message or packet of the server for so long the session is given up (D40); 0: never. */
  readonly idleTimeoutMs: number;
  readonly clock: Clock;
}

type Json = Readonly<Record<string, unknown>>;

/** A goodbye so soon after our first words, with nothing in between, was meant for the session before. */
const earlyGoodbyeMs = 3_000;
/** A NAT may have forgotten the way after so long without a datagram. */
const forgottenMs = 15_000;
const maxQuotedCharacters = 200;
/** Messages behind the hello that wait for the audio socket, which takes milliseconds. */
const maxEarlyMessages = 64;

/** The MQTT + UDP transport of firmware section D: one session on the hub's connection. */
export class MqttUdpTransport implements SessionTransport, MqttUser {
  readonly kind = 'mqtt';
  readonly maxMessageBytes: number;
  readonly #hub: MqttHub;
  readonly #options: MqttSessionOptions;
  #handlers: TransportHandlers | undefined;
  #udp: UdpAudio | undefined;
  readonly #answers: AnswerWatch;
  /** What the server said that was no message, before its hello. */
  #plainText: string | undefined;
  #offer: UdpOffer | undefined;
  #sessionId = '';
  /** The hello has been read, the audio socket is not there yet: what follows keeps its place behind `onSession`. */
  #opening = false;
  readonly #early = new BoundedQueue<Json>(maxEarlyMessages, 'drop-newest');
  #saidHello = false;
  #closing: Promise<void> | undefined;
  /** When the session began; cleared by the first sign that the server is really in it. */
  #freshSinceMs: number | undefined;
  #spoke = false;
  #saidHelloMs = 0;
  #lastMessageMs = 0;
  #helloTimer: TimerHandle;
  #idleTimer: TimerHandle;

  constructor(hub: MqttHub, options: MqttSessionOptions) {
    this.#hub = hub;
    this.#options = options;
    this.#answers = new AnswerWatch({
      clock: options.clock,
      datagrams: () => this.#udp?.arrived ?? 0,
      onSilent: () => this.#audioIsMissing(),
    });
    this.maxMessageBytes = hub.maxMessageBytes;
  }

  /** Undefined before the server's hello. */
  get counters(): UdpAudioCounters | undefined {
    return this.#udp?.counters;
  }

  get rejected(): Readonly<Record<string, number>> | undefined {
    return this.#udp?.rejected;
  }

  open(handlers: TransportHandlers): void {
    if (this.#closing) return;
    this.#handlers = handlers;
    this.#hub.join(this, 'session');
  }

  sendText(text: string): boolean {
    if (!this.#handlers || !this.#hub.publish(text, this)) return false;
    this.#spoke = true;
    this.#answers.sent(text);
    this.#showTheWay();
    return true;
  }

  sendAudio(packet: Uint8Array, timestampMs: number): boolean {
    if (!this.#handlers) return false;
    this.#hub.touch();
    return this.#udp?.send(packet, timestampMs) ?? false;
  }

  /** Audio first, then goodbye (D45). */
  async close(): Promise<void> {
    this.#handlers = undefined;
    this.#closing ??= this.#letGo(this.#saidHello);
    await this.#closing;
  }

  onConnected(): void {
    this.#hub.whenFarewellDone(() => this.#sayHello());
  }

  onMessage(json: Json): void {
    this.#lastMessageMs = this.#options.clock.now();
    if (this.#opening) this.#early.push(json);
    else this.#dispatch(json);
  }

  #dispatch(json: Json): void {
    if (json.type === 'hello') {
      this.#onHello(json);
    } else if (json.type === 'goodbye') {
      this.#onGoodbye(json);
    } else if (json.type === 'error' && !this.#offer) {
      this.#end(endOfHelloRefused(serverWords(json), this.#hub.label), false);
    } else {
      if (this.#spoke) this.#freshSinceMs = undefined;
      this.#answers.heard(json);
      this.#handlers?.onMessage(json);
      if (this.#saidHello && !this.#offer && !this.#hub.hadSession) this.#heardAsStranger(json);
    }
  }

  /** Words of an answer in place of a hello are for a device that the server does not know; its voice cannot reach us. */
  #heardAsStranger({ type, text }: Json): void {
    if ((type !== 'stt' && type !== 'tts') || typeof text !== 'string' || text.trim() === '') return;
    const error = unboundProblem(printableText(text, maxQuotedCharacters));
    this.#end({ normal: false, error, description: error.message }, true);
  }

  /** Before the hello it is how servers word a refusal; the end of the session tells it. */
  onPlainText(text: string, problem: ClientError): void {
    const said = printableText(text, maxQuotedCharacters);
    if (this.#offer || said === '') this.#handlers?.onProblem(problem);
    else this.#plainText = said;
  }

  onProblem(error: ClientError): void {
    this.#handlers?.onProblem(error);
  }

  /** The connection is gone, and with it the session: gateways end it, too. */
  onEnd(end: ChannelEnd): void {
    this.#end(end, false);
  }

  #sayHello(): void {
    const { clock, helloTimeoutMs, idleTimeoutMs, uplink, serverAec = false } = this.#options;
    this.#saidHelloMs = clock.now();
    this.#lastMessageMs = this.#saidHelloMs;
    this.#saidHello = true;
    if (!this.#hub.publish(clientHello({ transport: 'udp', version: 3, ...uplink, serverAec }), this)) {
      const { label, publishTopic } = this.#hub;
      this.#end(publishTopic === '' ? endOfNoTopic(label) : endOfUnsentHello(label), false);
      return;
    }
    this.#helloTimer = clock.setTimeout(() => this.#helloTimedOut(helloTimeoutMs), helloTimeoutMs);
    if (idleTimeoutMs > 0) this.#idleTimer = clock.setTimeout(() => this.#checkIdle(), idleTimeoutMs);
  }

  /** A server that does not answer may be at the end of a connection that has long been dead. */
  #helloTimedOut(helloTimeoutMs: number): void {
    const end = endOfNoHello(helloTimeoutMs, this.#hub.label, this.#plainText);
    const silent = this.#lastMessageMs === this.#saidHelloMs;
    this.#end(end, true);
    if (silent) this.#hub.distrust(end);
  }

  #onHello(json: Json): void {
    if (!this.#saidHello) return;
    const read = readUdpOffer(json);
    if (!read.ok) {
      this.#refuseHello(json, read.fault);
      return;
    }
    const offer = read.hello;
    this.#offer = offer;
    this.#hub.sessionBegan();
    this.#sessionId = offer.hello.sessionId;
    this.#freshSinceMs = this.#options.clock.now();
    this.#spoke = false;
    if (this.#udp) {
      this.#udp.renew(offer);
      this.#handlers?.onSession(offer.hello);
      return;
    }
    this.#opening = true;
    this.#udp = new UdpAudio(offer, this.#options.clock, {
      onReady: () => this.#audioReady(),
      onPacket: (packet, timestampMs, sequence) => {
        this.#freshSinceMs = undefined;
        this.#lastMessageMs = this.#options.clock.now();
        this.#hub.soundArrived();
        this.#handlers?.onAudio(packet, timestampMs, sequence);
      },
      onProblem: (error) => this.#handlers?.onProblem(error),
      onFailed: (thrown) => this.#end(endOfUdpFailure(thrown, offer.host), true),
    });
    this.#udp.open();
  }

  #refuseHello({ session_id }: Json, fault: string): void {
    if (this.#offer) {
      this.#handlers?.onProblem(laterHelloProblem(fault));
      return;
    }
    if (typeof session_id === 'string') this.#sessionId = session_id;
    this.#options.clock.clearTimeout(this.#helloTimer);
    this.#helloTimer = this.#options.clock.setTimeout(
      () => this.#end(endOfUnusableHello(fault, this.#hub.label), true),
      secondHelloMs,
    );
  }

  /** Told once, until some has arrived. The gateway that knows the word begins its side anew. */
  #audioIsMissing(): void {
    const offer = this.#offer;
    if (!offer || !this.#handlers) return;
    if (this.#hub.mayTellSilence()) this.#handlers.onProblem(silentAudioProblem(offer.host, offer.port));
    if (offer.isCountedBySession) this.#hub.publish(clientMessage.udpTimeout(), this);
  }

  /** The first time: the session is open. Later: the way has changed, and the server must learn it. */
  #audioReady(): void {
    this.#udp?.punch();
    if (!this.#opening || !this.#offer) return;
    this.#opening = false;
    this.#options.clock.clearTimeout(this.#helloTimer);
    this.#handlers?.onSession(this.#offer.hello);
    for (let json = this.#early.shift(); json; json = this.#early.shift()) this.#dispatch(json);
  }

  /** Without a datagram of ours the server does not know where to send; and datagrams get lost. */
  #showTheWay(): void {
    const udp = this.#udp;
    if (!udp) return;
    const arrived = udp.counters.received > 0;
    if (!arrived || this.#options.clock.now() - udp.lastTrafficMs > forgottenMs) udp.punch();
  }

  /** Only for the session it names (D46). */
  #onGoodbye({ session_id }: Json): void {
    if (!this.#offer || session_id !== this.#sessionId) return;
    const early =
      this.#spoke &&
      this.#freshSinceMs !== undefined &&
      this.#options.clock.now() - this.#freshSinceMs < earlyGoodbyeMs;
    this.#end(
      early
        ? endOfEarlyGoodbye(this.#hub.label)
        : { normal: true, description: 'the server hung up (goodbye)' },
      false,
    );
  }

  #checkIdle(): void {
    const { clock, idleTimeoutMs } = this.#options;
    const remainingMs = this.#lastMessageMs + idleTimeoutMs - clock.now();
    if (remainingMs > 0) this.#idleTimer = clock.setTimeout(() => this.#checkIdle(), remainingMs);
    else this.#end(endOfSilence(idleTimeoutMs, this.#hub.label), true);
  }

  #end(end: ChannelEnd, sayGoodbye: boolean): void {
    const handlers = this.#handlers;
    this.#handlers = undefined;
    this.#closing ??= this.#letGo(sayGoodbye);
    handlers?.onEnd(end);
  }

  async #letGo(sayGoodbye: boolean): Promise<void> {
    this.#options.clock.clearTimeout(this.#helloTimer);
    this.#options.clock.clearTimeout(this.#idleTimer);
    this.#answers.stop();
    const closed = this.#udp?.close();
    if (sayGoodbye) this.#hub.sayGoodbye(this.#sessionId);
    await Promise.all([closed, this.#hub.leave(this)]);
  }
}
