import type { Clock, TimerHandle } from './clock.ts';

/** What a peer may say: so much at once, and so much in each millisecond after that. */
export interface AllowanceOptions {
  readonly burst: number;
  readonly perMs: number;
}

/** More than any conversation needs, little enough that a flood leaves the loop free between any two messages. */
export const peerAllowance: AllowanceOptions = { burst: 50, perMs: 1 };

/** How long whoever has said too much waits, at least. */
export const pauseMs = 1;

export interface Allowance {
  /** Counts what was taken; false: wait before more is taken. */
  spend(units: number): boolean;
}

export function createAllowance(clock: Clock, { burst, perMs }: AllowanceOptions): Allowance {
  let left = burst;
  let atMs = clock.now();
  return {
    spend(units) {
      const nowMs = clock.now();
      left = Math.min(burst, left + (nowMs - atMs) * perMs) - units;
      atMs = nowMs;
      // What was said too much is not held against anybody: it has waited.
      left = Math.max(0, left);
      return left > 0;
    },
  };
}

export interface MessagePumpOptions<Message> {
  readonly clock: Clock;
  readonly allowance: AllowanceOptions;
  handle(message: Message): void;
  /** Nothing more is to be read from the connection; what was read already may still come. */
  pause(): void;
  resume(): unknown;
}

export interface MessagePump<Message> {
  /** Handled at once while the peer keeps to its allowance, in order always. `units`: what it costs. */
  push(message: Message, units?: number): void;
  /** What waits is dropped; a connection that is paused may be read again. Idempotent. */
  stop(): void;
}

/**
 * Between a connection and whoever handles its messages: a peer that floods has to wait. Holds no more than what the connection
 * had read when it was paused, a chunk of some 64 KB.
 */
export function createMessagePump<Message>(options: MessagePumpOptions<Message>): MessagePump<Message> {
  const { clock, handle, pause, resume } = options;
  const allowance = createAllowance(clock, options.allowance);
  let waiting: { readonly message: Message; readonly units: number }[] = [];
  let timer: TimerHandle;
  let stopped = false;

  function waitAWhile(): void {
    timer = clock.setTimeout(drain, pauseMs);
  }

  /** One by one, so that others have their turn between two that take long. */
  function drain(): void {
    timer = undefined;
    let spent = 0;
    let taken = 0;
    for (const { message, units } of waiting) {
      if (stopped || spent >= 1) break;
      spent += units;
      taken += 1;
      allowance.spend(units);
      handle(message);
    }
    waiting = waiting.slice(taken);
    if (stopped) return;
    if (waiting.length > 0) waitAWhile();
    else resume();
  }

  return {
    push(message, units = 1) {
      if (stopped) return;
      if (timer !== undefined) {
        waiting.push({ message, units });
        return;
      }
      if (!allowance.spend(units)) {
        pause();
        waitAWhile();
      }
      handle(message);
    },
    stop() {
      if (stopped) return;
      stopped = true;
      waiting = [];
      if (timer === undefined) return;
      clock.clearTimeout(timer);
      timer = undefined;
      resume();
    },
  };
}
