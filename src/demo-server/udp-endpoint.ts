import { randomBytes, randomInt } from 'node:crypto';
import { createSocket, type RemoteInfo } from 'node:dgram';
import type { Clock } from '../core/clock.ts';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { SequenceWindow } from '../protocol/sequence-window.ts';
import { connectionIdOf, openUdpPacket, sealUdpPacket, type UdpKeys } from '../protocol/udp-packet.ts';
import { createImpairedPath, type Impairment, perfectNetwork } from './impairment.ts';

export interface UdpEndpointOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  readonly impairment?: Impairment | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface UdpCounters {
  readonly received: number;
  readonly rejected: number;
  readonly sent: number;
  /** The device had not shown where it is. */
  readonly unaddressed: number;
}

/** The audio of one device's MQTT connection; the number in its headers stays, the key is new for each hello. */
export interface UdpSession {
  readonly counters: UdpCounters;
  /** New keys, sequence numbers from the start; as hex for the hello. */
  renew(): { readonly key: string; readonly nonce: string };
  /** Dropped and counted until a datagram of the device has come. */
  send(packet: Uint8Array, timestampMs: number): void;
  close(): void;
}

export interface UdpEndpoint {
  /** Resolves with the port. Rejects with the system's error. */
  start(): Promise<number>;
  /** @param longIds bytes 8 to 11 of a header belong to the id, too, and leave no room for a time (servers.md 5.1) */
  open(onAudio: (packet: Uint8Array) => void, options?: { readonly longIds: boolean }): UdpSession;
  stop(): Promise<void>;
}

interface Session extends UdpSession {
  receive(datagram: Uint8Array, from: RemoteInfo): void;
}

/** One UDP socket for all devices; bytes 4 to 7 of a header tell them apart (servers.md 2). */
export function createUdpEndpoint(options: UdpEndpointOptions): UdpEndpoint {
  const { host, port, impairment = perfectNetwork, clock, logger } = options;
  const socket = createSocket(host.includes(':') ? 'udp6' : 'udp4');
  const sessions = new Map<number, Session>();
  let started = false;
  const legOf = (leg: 'up' | 'down') => ({
    impairment: impairment.leg === leg || impairment.leg === 'both' ? impairment : perfectNetwork,
    carrier: 'datagram' as const,
    clock,
  });
  const up = createImpairedPath<{ datagram: Uint8Array; from: RemoteInfo }>({
    ...legOf('up'),
    deliver: ({ datagram, from }) => sessions.get(connectionIdOf(datagram) ?? -1)?.receive(datagram, from),
  });
  const down = createImpairedPath<{ datagram: Uint8Array; to: RemoteInfo }>({
    ...legOf('down'),
    deliver: ({ datagram, to }) => {
      if (started) socket.send(datagram, to.port, to.address, () => {});
    },
  });
  socket.on('message', (datagram, from) => up.send({ datagram, from }));

  function freeConnectionId(): number {
    const id = randomInt(1, 2 ** 32);
    return sessions.has(id) ? freeConnectionId() : id;
  }

  return {
    start: () =>
      new Promise((resolve, reject) => {
        socket.once('error', reject);
        socket.bind(port, host, () => {
          started = true;
          socket.removeListener('error', reject);
          socket.on('error', (error) =>
            logger.error('the audio socket failed', { reason: messageOf(error) }),
          );
          resolve(socket.address().port);
        });
      }),
    open(onAudio, { longIds } = { longIds: false }) {
      const connectionId = freeConnectionId();
      const session = createSession(
        idBytes(connectionId, longIds),
        onAudio,
        (datagram, to) => down.send({ datagram, to }),
        () => sessions.delete(connectionId),
      );
      sessions.set(connectionId, session);
      return session;
    },
    stop: () =>
      new Promise((resolve) => {
        up.stop();
        down.stop();
        started = false;
        socket.close(() => resolve());
      }),
  };
}

/** The id of a session as it stands in the header from byte 4 on, of 4 or of 8 bytes. */
function idBytes(connectionId: number, long: boolean): Buffer {
  const id = Buffer.alloc(4);
  id.writeUInt32BE(connectionId);
  // Never zero: that would read as room for a time.
  return long ? Buffer.concat([id, Buffer.of(randomInt(1, 256)), randomBytes(3)]) : id;
}

function createSession(
  id: Buffer,
  onAudio: (packet: Uint8Array) => void,
  sendTo: (datagram: Uint8Array, to: RemoteInfo) => void,
  onClosed: () => void,
): Session {
  const nonce = Buffer.alloc(16);
  nonce[0] = 1;
  nonce.set(id, 4);
  let keys: UdpKeys = { key: randomBytes(16), nonce };
  const window = new SequenceWindow();
  const counters = { received: 0, rejected: 0, sent: 0, unaddressed: 0 };
  let sequence = 0;
  let address: RemoteInfo | undefined;
  return {
    counters,
    renew() {
      const key = randomBytes(16);
      keys = { key, nonce };
      sequence = 0;
      window.reset();
      return { key: key.toString('hex'), nonce: nonce.toString('hex') };
    },
    send(packet, timestampMs) {
      if (!address) {
        counters.unaddressed += 1;
        return;
      }
      sequence += 1;
      counters.sent += 1;
      sendTo(sealUdpPacket(keys, packet, timestampMs, sequence), address);
    },
    close: onClosed,
    receive(datagram, from) {
      const opened = openUdpPacket(keys.key, datagram);
      const isOurs = id.equals(datagram.subarray(4, 4 + id.length));
      if (!isOurs || !opened.ok || !window.judge(opened.sequence).accepted) {
        counters.rejected += 1;
        return;
      }
      // A device behind a NAT may come from elsewhere after a while.
      address = from;
      counters.received += 1;
      if (opened.packet.length > 0) onAudio(opened.packet);
    },
  };
}
