import type { DeviceStatus, StatusDisplay } from '../ports/status-display.ts';

/** Causes by which an answer counts as heard to its end. */
const heardCauses: ReadonlySet<string> = new Set(['playback.drained', 'after drainTimeout']);

/**
 * Tells the course of the conversation as events: each change of status with what caused it, and turns. A turn starts when
 * the person gets the word (or types) and is finished when the answer has been heard to its end; an interrupted one never is,
 * nor one whose channel was closed before any sound of it.
 */
export class Narrator {
  readonly #display: StatusDisplay;
  #status: DeviceStatus = 'starting';
  #turn = 0;
  #turnOpen = false;
  #hasSound = false;
  #hungUp = false;

  constructor(display: StatusDisplay) {
    this.#display = display;
  }

  get status(): DeviceStatus {
    return this.#status;
  }

  /** Something of an answer can be heard. */
  noteSound(): void {
    this.#hasSound = true;
  }

  /** `pausing`: idle for a moment within a conversation. */
  enter(status: DeviceStatus, cause: string, pausing = false): void {
    const from = this.#status;
    if (cause === 'channel.closed') this.#hungUp = true;
    if (status === from) return;
    this.#status = status;
    if (status === 'speaking') {
      this.#hasSound = false;
      this.#hungUp = false;
    }
    if (from === 'speaking') this.#leaveSpeaking(cause);
    this.#display.show({ type: 'state', from, to: status, cause, ...(pausing && { pausing }) });
    if (status === 'idle') this.#turnOpen = false;
    if (status === 'listening' || status === 'thinking') this.#startTurn();
  }

  #leaveSpeaking(cause: string): void {
    const wasAnswered = this.#hasSound || !this.#hungUp;
    if (this.#turnOpen && wasAnswered && heardCauses.has(cause)) {
      this.#display.show({ type: 'turn', n: this.#turn, phase: 'finished' });
    }
    this.#turnOpen = false;
  }

  #startTurn(): void {
    if (this.#turnOpen) return;
    this.#turnOpen = true;
    this.#turn += 1;
    this.#display.show({ type: 'turn', n: this.#turn, phase: 'started' });
  }
}

/** The event behind a change in words that outlive a renamed state: `talk.toggled`, `after replyTimeout`. */
export function causeOf(eventType: string): string {
  const delayed = /^xstate\.after\.([^.]+)\./.exec(eventType);
  if (delayed) return `after ${delayed[1]}`;
  const done = /^xstate\.(?:done|error)\.actor\.(?:\d+\.)?(.+)$/.exec(eventType);
  if (done) return done[1]?.includes('activating') ? 'activation.polled' : 'provisioning.checked';
  return eventType === 'xstate.init' ? 'started' : eventType;
}
