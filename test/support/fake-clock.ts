import type { Clock, TimerHandle } from '../../src/core/clock.ts';

interface Timer {
  readonly id: number;
  readonly dueMs: number;
  readonly callback: () => void;
}

/** Steps to each deadline in order, so timers armed by timers fire where they should. */
export class FakeClock implements Clock {
  #nowMs = 0;
  #lastId = 0;
  #timers: Timer[] = [];

  now = (): number => this.#nowMs;

  setTimeout = (callback: () => void, delayMs: number): TimerHandle => {
    this.#lastId += 1;
    this.#timers.push({ id: this.#lastId, dueMs: this.#nowMs + Math.max(0, delayMs), callback });
    return this.#lastId;
  };

  clearTimeout = (handle: TimerHandle): void => {
    this.#timers = this.#timers.filter((timer) => timer.id !== handle);
  };

  get pendingTimers(): number {
    return this.#timers.length;
  }

  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (let next = this.#nextDue(endMs); next; next = this.#nextDue(endMs)) this.#fire(next);
    this.#nowMs = endMs;
  }

  /** Like `advance`, but lets promises settle between timers: for code that awaits what a timer resolves. */
  async advanceAsync(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms;
    await settle();
    for (let next = this.#nextDue(endMs); next; next = this.#nextDue(endMs)) {
      this.#fire(next);
      await settle();
    }
    this.#nowMs = endMs;
  }

  #fire(timer: Timer): void {
    this.clearTimeout(timer.id);
    this.#nowMs = timer.dueMs;
    timer.callback();
  }

  #nextDue(endMs: number): Timer | undefined {
    return this.#timers
      .filter((timer) => timer.dueMs <= endMs)
      .sort((a, b) => a.dueMs - b.dueMs || a.id - b.id)[0];
  }
}

/** Lets every promise that can settle now do so. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await Promise.resolve();
}
