import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../core/clock.ts';
import { eventLine, type StatusEvent } from '../../ports/status-display.ts';

const maxReaders = 16;
/** Unread by a reader; one that is so far behind is cut, because the device does not wait for anybody. */
const maxWaitingBytes = 1024 * 1024;

export interface EventSocketsParts {
  subscribe(listener: (event: StatusEvent) => void): () => void;
  readonly clock: Clock;
  /** What `t` counts from, on `clock`. */
  readonly startMs: number;
}

/** The event stream for those who read it over WebSocket; one event per message. */
export interface EventSockets {
  /** A request for the stream by somebody who may have it. */
  accept(request: IncomingMessage, socket: Duplex, head: Buffer): void;
  readonly counters: { readonly readers: number; readonly cut: number; readonly refused: number };
  close(): void;
}

export function createEventSockets({ subscribe, clock, startMs }: EventSocketsParts): EventSockets {
  const server = new WebSocketServer({ noServer: true, maxPayload: 1024, perMessageDeflate: false });
  const readers = new Set<WebSocket>();
  let cut = 0;
  let refused = 0;
  let unsubscribe: (() => void) | undefined;

  const show = (event: StatusEvent): void => {
    const line = eventLine(event, Math.round(clock.now() - startMs));
    for (const reader of readers) {
      if (reader.bufferedAmount + line.length > maxWaitingBytes) drop(reader);
      else reader.send(line, () => {});
    }
  };

  function drop(reader: WebSocket): void {
    cut += 1;
    leave(reader);
    reader.terminate();
  }

  function leave(reader: WebSocket): void {
    readers.delete(reader);
    if (readers.size > 0) return;
    unsubscribe?.();
    unsubscribe = undefined;
  }

  function join(reader: WebSocket): void {
    readers.add(reader);
    reader.on('error', () => reader.terminate());
    reader.on('close', () => leave(reader));
    unsubscribe ??= subscribe(show);
  }

  return {
    accept(request, socket, head) {
      if (readers.size >= maxReaders) {
        refused += 1;
        socket.end('HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\r\n');
        return;
      }
      server.handleUpgrade(request, socket, head, join);
    },
    get counters() {
      return { readers: readers.size, cut, refused };
    },
    close() {
      for (const reader of [...readers]) reader.terminate();
      server.close();
    },
  };
}
