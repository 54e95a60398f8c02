import type { SystemTime } from '../../src/core/system-time.ts';
import type { FakeClock } from './fake-clock.ts';

/** Time of a board on a fake clock: its date can be set, it can sleep, and it knows one boot. */
export class FakeTime implements SystemTime {
  readonly boot: string;
  readonly #clock: FakeClock;
  #bootOffsetMs: number;
  #wallOffsetMs: number;

  constructor(clock: FakeClock, { wallMs = Date.UTC(2026, 0, 1), boot = 'boot 1', bootMs = 60_000 } = {}) {
    this.#clock = clock;
    this.boot = boot;
    this.#bootOffsetMs = bootMs - clock.now();
    this.#wallOffsetMs = wallMs - clock.now();
  }

  bootMs = (): number => this.#bootOffsetMs + this.#clock.now();
  wallMs = (): number => this.#wallOffsetMs + this.#clock.now();

  /** Somebody sets the date. */
  set(wallMs: number): void {
    this.#wallOffsetMs = wallMs - this.#clock.now();
  }

  /** In suspend timers stand still; the date and the time since boot go on. */
  suspend(ms: number): void {
    this.#bootOffsetMs += ms;
    this.#wallOffsetMs += ms;
  }
}
