import type { WebSocket } from 'ws';
import type { Clock, TimerHandle } from '../core/clock.ts';

const pingIntervalMs = 20_000;

/** Pings every socket each 20 s and cuts off the one that has not answered by the next time. One timer for all of them. */
export function createKeepAlive(clock: Clock): { watch(socket: WebSocket): void; stop(): void } {
  const answered = new Map<WebSocket, boolean>();
  let timer: TimerHandle;

  function ping(): void {
    for (const [socket, alive] of answered) {
      if (!alive) {
        socket.terminate();
        continue;
      }
      answered.set(socket, false);
      socket.ping();
    }
    arm();
  }

  function arm(): void {
    timer = clock.setTimeout(ping, pingIntervalMs);
  }

  return {
    watch(socket) {
      if (answered.size === 0) arm();
      answered.set(socket, true);
      socket.on('pong', () => answered.set(socket, true));
      socket.on('close', () => {
        answered.delete(socket);
        if (answered.size === 0) clock.clearTimeout(timer);
      });
    },
    stop: () => clock.clearTimeout(timer),
  };
}
