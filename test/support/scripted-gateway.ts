import { randomBytes } from 'node:crypto';
import { createSocket, type RemoteInfo, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { openUdpPacket, sealUdpPacket, type UdpKeys } from '../../src/protocol/udp-packet.ts';
import type { MessageBroker } from './message-broker.ts';

/** One device as the gateway sees it; keeps all it receives, in order. */
export interface GatewayPeer {
  readonly clientId: string;
  readonly texts: string[];
  readonly packets: Uint8Array[];
  /** Bare headers, which only show where the device is. */
  readonly punches: number;
  /** Timestamps of its audio packets. */
  readonly timestamps: number[];
  readonly saidGoodbye: boolean;
  /** Where its last datagram came from. */
  readonly address: RemoteInfo | undefined;
  /** Answers the hello; `udp` replaces single members of the offer. */
  sayHello(sessionId: string, audioParams?: object, udp?: object): void;
  send(message: object | string): void;
  /** Sealed and numbered, unless a number is given. */
  sendAudio(packet: Uint8Array, sequence?: number, timestampMs?: number): void;
  sendDatagram(datagram: Uint8Array): void;
  /** The last session's goodbye. */
  hangUp(): void;
}

export interface ScriptedGateway {
  readonly broker: MessageBroker;
  readonly peers: readonly GatewayPeer[];
  readonly udpPort: number;
  peer(clientId: string): GatewayPeer | undefined;
  /** Whether a goodbye of the device is answered with the same, as gateways do. */
  echoesGoodbye: boolean;
  /** Called for each message of a device. */
  onText: (peer: GatewayPeer, text: string) => void;
  stop(): Promise<void>;
}

/** The far end of MQTT + UDP on loopback, doing what a test tells it, right or wrong. */
export async function startScriptedGateway(broker: MessageBroker): Promise<ScriptedGateway> {
  const socket = createSocket('udp4');
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const peers = new Map<string, ReturnType<typeof createPeer>>();
  const gateway: ScriptedGateway = {
    broker,
    udpPort: socket.address().port,
    get peers() {
      return [...peers.values()];
    },
    peer: (clientId) => peers.get(clientId),
    echoesGoodbye: true,
    onText: () => {},
    async stop() {
      socket.close();
      await broker.stop();
    },
  };
  broker.onText = (clientId, text) => {
    const peer = peers.get(clientId) ?? createPeer(clientId, peers.size + 1, broker, socket);
    peers.set(clientId, peer);
    peer.texts.push(text);
    if (JSON.parse(text).type === 'goodbye') {
      peer.goodbyes += 1;
      if (gateway.echoesGoodbye) peer.send(text);
    }
    gateway.onText(peer, text);
  };
  socket.on('message', (datagram, from) => {
    for (const peer of peers.values()) peer.receive(datagram, from);
  });
  return gateway;
}

function createPeer(clientId: string, connectionId: number, broker: MessageBroker, socket: Socket) {
  const nonce = Buffer.from('01000000000000000000000000000000', 'hex');
  nonce.writeUInt32BE(connectionId, 4);
  let keys: UdpKeys = { key: randomBytes(16), nonce };
  let sessionId = '';
  let sequence = 0;
  return {
    clientId,
    texts: [] as string[],
    packets: [] as Uint8Array[],
    timestamps: [] as number[],
    punches: 0,
    goodbyes: 0,
    address: undefined as RemoteInfo | undefined,
    get saidGoodbye() {
      return this.goodbyes > 0;
    },
    sayHello(id: string, audioParams?: object, udp: object = {}) {
      keys = { key: randomBytes(16), nonce };
      sessionId = id;
      sequence = 0;
      this.send({
        type: 'hello',
        version: 3,
        transport: 'udp',
        session_id: id,
        ...(audioParams && { audio_params: audioParams }),
        udp: {
          server: '127.0.0.1',
          port: socket.address().port,
          encryption: 'aes-128-ctr',
          key: Buffer.from(keys.key).toString('hex'),
          nonce: nonce.toString('hex'),
          ...udp,
        },
      });
    },
    send(message: object | string) {
      broker.push(clientId, typeof message === 'string' ? message : JSON.stringify(message));
    },
    sendAudio(packet: Uint8Array, number?: number, timestampMs = 0) {
      sequence += 1;
      this.sendDatagram(sealUdpPacket(keys, packet, timestampMs, number ?? sequence));
    },
    sendDatagram(datagram: Uint8Array) {
      if (this.address) socket.send(datagram, this.address.port, this.address.address);
    },
    hangUp() {
      this.send({ type: 'goodbye', session_id: sessionId });
    },
    receive(datagram: Uint8Array, from: RemoteInfo) {
      const opened = openUdpPacket(keys.key, datagram);
      if (!opened.ok || opened.connectionId !== connectionId) return;
      this.address = from;
      if (opened.packet.length === 0) {
        this.punches += 1;
        return;
      }
      this.packets.push(opened.packet);
      this.timestamps.push(opened.timestampMs);
    },
  };
}
