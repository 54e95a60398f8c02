import { createSocket, type Socket } from 'node:dgram';
import { lookup } from 'node:dns';
import type { Clock, TimerHandle } from '../../core/clock.ts';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import { SequenceWindow } from '../../protocol/sequence-window.ts';
import type { UdpOffer } from '../../protocol/udp-offer.ts';
import { openUdpPacket, sealUdpPacket, type UdpRejection } from '../../protocol/udp-packet.ts';

export interface UdpAudioHandlers {
  /** The socket is connected; again after the network had changed under it. */
  onReady(): void;
  onPacket(packet: Uint8Array, timestampMs: number, sequence: number): void;
  onProblem(error: ClientError): void;
  /** There is no way to the server, or there has been none for a while; nothing more is tried. */
  onFailed(thrown: unknown): void;
}

export type UdpAudioRejection = UdpRejection | 'duplicate' | 'replay' | 'jump' | 'empty';
export type UdpAudioCounters = Readonly<
  Record<UdpAudioRejection | 'received' | 'reordered' | 'sent', number>
>;

/** Datagrams handed to the system and not yet taken; some seconds of speech. Newer ones are dropped. */
const maxPending = 64;
/** A network that is gone is tried anew at most so often, … */
const reopenMs = 1_000;
/** … and so many times in a row. */
const maxReopens = 5;
const reportMs = 1_000;
/** What a bad network does anyway is counted but not told. */
const ordinary: ReadonlySet<UdpAudioRejection> = new Set(['duplicate', 'empty']);

/** The encrypted audio of one session (firmware D23–D35). The system drops datagrams of anybody but the negotiated peer. */
export class UdpAudio {
  readonly #clock: Clock;
  readonly #handlers: UdpAudioHandlers;
  readonly #window = new SequenceWindow();
  #offer: UdpOffer;
  #socket: Socket | undefined;
  #ready = false;
  #closed = false;
  #pending = 0;
  #lastSequence = 0;
  #lastTrafficMs = Number.NEGATIVE_INFINITY;
  #reopenTimer: TimerHandle;
  #reopens = 0;
  /** The first attempt has succeeded: what fails later may be the network's moment of weakness. */
  #wasReady = false;
  #rejectedSince = new Map<UdpAudioRejection, number>();
  #reportedMs = Number.NEGATIVE_INFINITY;
  readonly #counters: Record<keyof UdpAudioCounters, number> = {
    received: 0,
    reordered: 0,
    sent: 0,
    short: 0,
    oversized: 0,
    'wrong-type': 0,
    'wrong-length': 0,
    duplicate: 0,
    replay: 0,
    jump: 0,
    empty: 0,
  };

  constructor(offer: UdpOffer, clock: Clock, handlers: UdpAudioHandlers) {
    this.#offer = offer;
    this.#clock = clock;
    this.#handlers = handlers;
  }

  get counters(): UdpAudioCounters {
    return this.#counters;
  }

  /** Datagrams that came, usable or not. */
  get arrived(): number {
    const { sent: _, reordered: __, ...arrived } = this.#counters;
    return Object.values(arrived).reduce((sum, count) => sum + count, 0);
  }

  /** Only the reasons that occurred. */
  get rejected(): Readonly<Partial<Record<UdpAudioRejection, number>>> {
    const { received: _, reordered: __, sent: ___, ...rejected } = this.#counters;
    return Object.fromEntries(Object.entries(rejected).filter(([, count]) => count > 0));
  }

  /** Packets that have been missed so far. */
  get lost(): number {
    return this.#window.lost;
  }

  /** When a datagram last went either way, on the clock's time line. */
  get lastTrafficMs(): number {
    return this.#lastTrafficMs;
  }

  /** Looks the server up and connects; the name is asked for anew each time. */
  open(): void {
    const { host, port } = this.#offer;
    attempt(
      () =>
        lookup(host, (failure, address, family) => {
          if (this.#closed) return;
          if (failure) this.#connectFailed(failure);
          else this.#connect(family === 6 ? 'udp6' : 'udp4', address, port);
        }),
      (thrown) => this.#connectFailed(thrown),
    );
  }

  /** A further hello: new keys, counters from the start, perhaps another place (D23). */
  renew(offer: UdpOffer): void {
    const moved = offer.host !== this.#offer.host || offer.port !== this.#offer.port;
    this.#offer = offer;
    this.#lastSequence = 0;
    this.#window.reset();
    if (moved) this.#reopen();
  }

  /** False when the packet was dropped. Its number is used up anyway (D33). */
  send(packet: Uint8Array, timestampMs: number): boolean {
    const socket = this.#socket;
    this.#lastSequence += 1;
    if (!socket || !this.#ready || this.#pending >= maxPending) return false;
    let datagram: Uint8Array;
    try {
      datagram = sealUdpPacket(this.#offer, packet, timestampMs, this.#lastSequence);
    } catch {
      return false;
    }
    this.#pending += 1;
    const sent = (failure: Error | null) => {
      this.#pending -= 1;
      if (failure && socket === this.#socket) this.#sendFailed(failure);
      else if (!failure) this.#reopens = 0;
    };
    attempt(
      () => socket.send(datagram, sent),
      (thrown) => sent(thrown as Error),
    );
    this.#counters.sent += 1;
    this.#lastTrafficMs = this.#clock.now();
    return true;
  }

  /** A bare header: shows the server where we are, and opens a NAT, when there is nothing to say (servers.md 3.5). */
  punch(): void {
    this.send(new Uint8Array(0), 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#clock.clearTimeout(this.#reopenTimer);
    await this.#drop();
  }

  #connect(type: 'udp4' | 'udp6', address: string, port: number): void {
    const socket = createSocket(type);
    this.#socket = socket;
    const failed = (failure: unknown) => {
      if (socket !== this.#socket) return;
      if (this.#ready) this.#sendFailed(failure);
      else this.#connectFailed(failure);
    };
    socket.on('error', failed);
    socket.on('message', (datagram) => {
      if (socket === this.#socket) this.#receive(datagram);
    });
    // Node tells of a failure by this callback and not as an event, unlike its types.
    const connected = (failure?: unknown) => {
      if (failure) failed(failure);
      else if (socket === this.#socket) this.#connected();
    };
    attempt(() => socket.connect(port, address, connected), failed);
  }

  #connected(): void {
    this.#ready = true;
    this.#wasReady = true;
    this.#handlers.onReady();
  }

  #receive(datagram: Uint8Array): void {
    const opened = openUdpPacket(this.#offer.key, datagram);
    if (!opened.ok) {
      this.#reject(opened.rejection);
      return;
    }
    const verdict = this.#window.judge(opened.sequence);
    if (!verdict.accepted) {
      this.#reject(verdict.reason);
      return;
    }
    this.#lastTrafficMs = this.#clock.now();
    if (verdict.reordered) this.#counters.reordered += 1;
    if (opened.packet.length === 0) {
      this.#reject('empty');
      return;
    }
    this.#counters.received += 1;
    this.#handlers.onPacket(opened.packet, opened.timestampMs, verdict.extended);
  }

  /** Told at once, and then what has gathered once a second: a flood must not become a flood of reports. */
  #reject(rejection: UdpAudioRejection): void {
    this.#counters[rejection] += 1;
    if (ordinary.has(rejection)) return;
    this.#rejectedSince.set(rejection, (this.#rejectedSince.get(rejection) ?? 0) + 1);
    const nowMs = this.#clock.now();
    if (nowMs - this.#reportedMs < reportMs) return;
    this.#reportedMs = nowMs;
    const counts = [...this.#rejectedSince].map(([reason, count]) => `${reason} ${count}`).join(', ');
    this.#rejectedSince = new Map();
    this.#handlers.onProblem(
      new ClientError(
        ErrorCode.protocolBadFrame,
        `Audio packets that do not belong to this conversation were dropped (${counts}). Nothing needs to be done unless answers are missing.`,
        { retryable: true },
      ),
    );
  }

  /** A port where nobody listens says so by ICMP; anything else means that the network has changed under the socket. */
  #sendFailed(failure: unknown): void {
    if ((failure as NodeJS.ErrnoException).code === 'ECONNREFUSED') return;
    this.#tryAgain(failure);
  }

  #connectFailed(failure: unknown): void {
    if (this.#wasReady) this.#tryAgain(failure);
    else this.#fail(failure);
  }

  #tryAgain(failure: unknown): void {
    if (this.#reopenTimer !== undefined || this.#closed) return;
    this.#reopens += 1;
    if (this.#reopens > maxReopens) this.#fail(failure);
    else this.#reopenTimer = this.#clock.setTimeout(() => this.#reopen(), reopenMs);
  }

  #fail(failure: unknown): void {
    if (this.#closed) return;
    void this.close();
    this.#handlers.onFailed(failure);
  }

  #reopen(): void {
    this.#clock.clearTimeout(this.#reopenTimer);
    this.#reopenTimer = undefined;
    void this.#drop();
    if (!this.#closed) this.open();
  }

  async #drop(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#ready = false;
    if (!socket) return;
    await new Promise<void>((resolve) =>
      attempt(
        () => socket.close(() => resolve()),
        () => resolve(),
      ),
    );
  }
}

/** Node throws at once what it could not even begin; here it is a failure like those that come later. */
function attempt(action: () => void, onFailed: (thrown: unknown) => void): void {
  try {
    action();
  } catch (thrown) {
    onFailed(thrown);
  }
}
