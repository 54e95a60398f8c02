import { WebSocket } from 'ws';
import { messageOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { type BinaryVersion, decodeBinaryFrame, encodeBinaryFrame } from '../protocol/binary-frame.ts';
import type { DeviceLink, DeviceLinkHandler } from './device-link.ts';

/** Audio for a device that does not read is dropped from here on; a device that ignores texts too is cut off at the second. */
const maxAudioBacklogBytes = 256 * 1024;
const maxBacklogBytes = 8 * 1024 * 1024;

/** A device on a WebSocket. */
export interface WebSocketLink extends DeviceLink {
  /** Hands everything that arrives to `handler`, until the socket is gone. */
  serve(handler: DeviceLinkHandler): void;
}

export function createWebSocketLink(
  socket: WebSocket,
  version: BinaryVersion,
  logger: Logger,
): WebSocketLink {
  let sequence = 0;
  let badFrames = 0;
  let droppedPackets = 0;

  function frameOf(packet: Uint8Array, timestampMs: number): Uint8Array {
    sequence += 1;
    return encodeBinaryFrame(version, packet, timestampMs, sequence - 1);
  }

  function receiveBinary(bytes: Uint8Array, handler: DeviceLinkHandler): void {
    const frame = decodeBinaryFrame(version, bytes);
    if (frame.ok) {
      handler.onAudio(frame.packet);
      return;
    }
    badFrames += 1;
    logger.debug('ignored a binary message', { reason: frame.reason });
  }

  /** A bug in here must cost one channel, not the process. */
  function guarded(work: () => void): void {
    try {
      work();
    } catch (thrown) {
      logger.error('the demo server failed and gives this channel up', { reason: messageOf(thrown) });
      socket.terminate();
    }
  }

  function sendText(text: string): void {
    if (socket.readyState !== WebSocket.OPEN) return;
    if (socket.bufferedAmount > maxBacklogBytes) socket.terminate();
    else socket.send(text);
  }

  return {
    helloFields: () => ({ version: version === 'gateway' ? 1 : version, transport: 'websocket' }),
    sendJson: (message) => sendText(JSON.stringify(message)),
    echo: sendText,
    sendAudio(packet, timestampMs) {
      if (socket.readyState !== WebSocket.OPEN) return;
      if (socket.bufferedAmount > maxAudioBacklogBytes) droppedPackets += 1;
      else socket.send(frameOf(packet, timestampMs));
    },
    close: (reason) => socket.close(1000, reason),
    serve(handler) {
      socket.on('message', (data: Buffer, isBinary) =>
        guarded(() => (isBinary ? receiveBinary(data, handler) : handler.onText(data.toString('utf8')))),
      );
      socket.on('close', (code, reason) => {
        guarded(() => handler.onClosed());
        logger.info('device disconnected', {
          code,
          reason: reason.toString('utf8'),
          badFrames,
          droppedPackets,
        });
      });
    },
  };
}
