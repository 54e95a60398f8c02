import type { Clock, TimerHandle } from '../core/clock.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import type { DeviceEvent } from '../machine/events.ts';
import {
  type DeviceStatus,
  errorEvent,
  type StatusDisplay,
  type StatusEvent,
} from '../ports/status-display.ts';
import { ExitCode } from './context.ts';

export interface TurnPlan {
  readonly start: boolean;
  /** Text turns, one each; when they run out (or there are none) the turns are spoken. */
  readonly say: readonly string[];
  readonly turns?: number | undefined;
  readonly timeoutSeconds?: number | undefined;
}

export interface TurnDriverParts {
  readonly clock: Clock;
  readonly display: StatusDisplay;
  /** The plan is carried out, or cannot be. At most once. */
  readonly onDone: (exitCode: number) => void;
}

/** The device asks the OTA server for ever; a script wants to know. */
const maxProvisioningFailures = 10;
/** Times a conversation that did take place is begun anew after it broke off. */
const maxRestarts = 3;

const noSound: ReadonlySet<string> = new Set([
  ErrorCode.audioBackendMissing,
  ErrorCode.audioDeviceMissing,
  ErrorCode.audioDeviceLost,
  ErrorCode.audioFileInvalid,
]);

/**
 * Plays the person where there is none: begins conversations, sends texts, counts turns and decides the exit code. Outlives
 * a restart of the device: a server that asks for one again and again gets no more turns and no more time by it.
 */
export class TurnDriver implements StatusDisplay {
  readonly #plan: TurnPlan;
  readonly #parts: TurnDriverParts;
  #send: (event: DeviceEvent) => void = () => {};
  #status: DeviceStatus = 'starting';
  #finished = 0;
  #said = 0;
  #begun = false;
  /** What was begun and has not been answered to its end. */
  #open: 'nothing' | 'speech' | 'text' = 'nothing';
  #reached = false;
  #restarts = 0;
  #provisioningFailures = 0;
  #transportError: string | undefined;
  /** The server spoke to a device that it does not know. */
  #isStranger = false;
  #timer: TimerHandle;
  #done = false;

  constructor(plan: TurnPlan, parts: TurnDriverParts) {
    this.#plan = plan;
    this.#parts = parts;
    if (plan.turns !== undefined && plan.timeoutSeconds !== undefined) {
      this.#timer = parts.clock.setTimeout(() => this.#timeOut(), plan.timeoutSeconds * 1_000);
    }
  }

  /** The device that is driven from now on. */
  attach(send: (event: DeviceEvent) => void): void {
    this.#send = send;
    this.#begun = false;
    if (this.#plan.turns === undefined) this.#open = 'nothing';
  }

  show(event: StatusEvent): void {
    if (this.#done) return;
    if (event.type === 'session') this.#reached = true;
    else if (event.type === 'error') this.#onError(event.code);
    else if (event.type === 'turn') this.#onTurn(event.phase);
    // A conversation that pauses for a notice goes on by itself.
    else if (event.type === 'state' && !event.pausing) this.#onState(event.to);
  }

  close(): void {
    this.#done = true;
    this.#parts.clock.clearTimeout(this.#timer);
  }

  #onTurn(phase: 'started' | 'finished'): void {
    if (phase === 'started') {
      if (this.#open === 'nothing') this.#open = 'speech';
      return;
    }
    this.#open = 'nothing';
    this.#finished += 1;
    if (this.#finished === this.#plan.turns)
      this.#finish(this.#isStranger ? ExitCode.notActivated : ExitCode.done);
  }

  #onState(status: DeviceStatus): void {
    this.#status = status;
    if (status !== 'idle') return;
    if (this.#open === 'nothing' || this.#mayGoOn(this.#open)) this.#begin();
  }

  /** The device came back to idle without the answer it was to get. */
  #mayGoOn(open: 'speech' | 'text'): boolean {
    this.#open = 'nothing';
    if (this.#plan.turns === undefined) return open === 'text';
    if (!this.#reached) this.#finish(this.#exitCodeOfFailure());
    else if (open === 'text' || this.#restarts === maxRestarts) this.#giveUp();
    else this.#restarts += 1;
    return !this.#done;
  }

  #giveUp(): void {
    const message = `The conversation ended before the answer did; ${this.#finished} of ${this.#plan.turns} turns were finished. Look at the events before this one, and at the log of the server.`;
    this.#parts.display.show(errorEvent(new ClientError(ErrorCode.turnsUnfinished, message)));
    this.#finish(this.#isStranger ? ExitCode.notActivated : ExitCode.failed);
  }

  #exitCodeOfFailure(): number {
    if (this.#isStranger) return ExitCode.notActivated;
    return this.#transportError === ErrorCode.transportRefused
      ? ExitCode.failed
      : ExitCode.serverNeverReached;
  }

  #begin(): void {
    const { say, turns, start } = this.#plan;
    const text = say[this.#said];
    const mayStart = start && !this.#begun;
    this.#begun = true;
    if (text !== undefined) {
      this.#said += 1;
      this.#open = 'text';
      this.#send({ type: 'text.submitted', text });
    } else if (turns !== undefined || mayStart) {
      this.#open = 'speech';
      this.#send({ type: 'talk.toggled' });
    }
  }

  #onError(code: string): void {
    if (code === ErrorCode.deviceNotBound) this.#isStranger = true;
    if (code.startsWith('TRANSPORT_')) this.#transportError = code;
    if (this.#plan.turns === undefined) return;
    if (noSound.has(code)) this.#finish(ExitCode.noSoundDevice);
    else if (code.startsWith('PROVISIONING_') && this.#status === 'starting')
      this.#countProvisioningFailure();
  }

  #countProvisioningFailure(): void {
    this.#provisioningFailures += 1;
    if (this.#provisioningFailures < maxProvisioningFailures) return;
    this.#parts.display.show(
      errorEvent(
        new ClientError(
          ErrorCode.provisioningGaveUp,
          'The OTA server could not be reached in ten tries. Check the network and server.url.',
        ),
      ),
    );
    this.#finish(ExitCode.serverNeverReached);
  }

  #timeOut(): void {
    const { turns, timeoutSeconds } = this.#plan;
    this.#parts.display.show(
      errorEvent(
        new ClientError(
          ErrorCode.turnsTimeout,
          `${this.#finished} of ${turns} turns were finished within ${timeoutSeconds} s. Allow more with --timeout, or look at the events before this one.`,
        ),
      ),
    );
    if (this.#status === 'activating' || this.#isStranger) this.#finish(ExitCode.notActivated);
    else this.#finish(this.#reached ? ExitCode.failed : ExitCode.serverNeverReached);
  }

  #finish(exitCode: number): void {
    if (this.#done) return;
    this.close();
    this.#parts.onDone(exitCode);
  }
}
