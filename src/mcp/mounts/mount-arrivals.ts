import type { Clock } from '../../core/clock.ts';
import { type ClientError, ErrorCode, toClientError } from '../../core/errors.ts';

export interface ArrivalWait {
  readonly signal: AbortSignal;
  readonly limitMs: number;
  readonly tooLate: () => ClientError;
}

/** Calls that wait for a server to be ready. The dispatcher bounds how many. */
export interface MountArrivals<Session> {
  /** Rejects with a ClientError: too late, aborted, or the reason given to `failed`. */
  wait(how: ArrivalWait): Promise<Session>;
  arrived(session: Session): void;
  failed(reason: ClientError): void;
}

export function createMountArrivals<Session>(clock: Clock): MountArrivals<Session> {
  interface Waiting {
    readonly resolve: (session: Session) => void;
    readonly reject: (reason: ClientError) => void;
  }
  const waiting = new Set<Waiting>();

  return {
    async wait({ signal, limitMs, tooLate }) {
      let entry: Waiting | undefined;
      let onAbort = () => {};
      const arrival = new Promise<Session>((resolve, reject) => {
        entry = { resolve, reject };
        waiting.add(entry);
        onAbort = () => reject(toClientError(signal.reason, ErrorCode.toolCancelled));
      });
      const timer = clock.setTimeout(() => entry?.reject(tooLate()), Math.max(0, limitMs));
      signal.addEventListener('abort', onAbort, { once: true });
      if (signal.aborted) onAbort();
      try {
        return await arrival;
      } finally {
        clock.clearTimeout(timer);
        signal.removeEventListener('abort', onAbort);
        if (entry) waiting.delete(entry);
      }
    },
    arrived(session) {
      for (const { resolve } of waiting) resolve(session);
    },
    failed(reason) {
      for (const { reject } of waiting) reject(reason);
    },
  };
}
