import { backoffDelayMs } from '../core/backoff.ts';
import type { Clock, TimerHandle } from '../core/clock.ts';
import { ClientError, ErrorCode, toClientError } from '../core/errors.ts';
import type { DeviceCandidate } from '../ports/device-candidate.ts';

/** What microphones and loudspeakers have in common here. */
interface SoundDevice {
  readonly name: string;
  stop(): Promise<void>;
}

export interface SuccessionOptions<Device> {
  readonly clock: Clock;
  /** Best first, at least one. */
  readonly candidates: readonly DeviceCandidate<Device>[];
  /** The one among them, if any, that nobody hears. */
  readonly silence?: Device;
  /** Starts a device; `onLost` may be called once, also before it has resolved. @throws ClientError */
  readonly start: (device: Device, onLost: (error: ClientError) => void) => Promise<void>;
  /** Nobody would miss a moment now. */
  readonly isPause: () => boolean;
  /** A device has taken the place of a lost one, or the best one its own again. */
  readonly onTaken: (device: Device) => void;
  /** The device in use is gone or about to be left; `onTaken` or `onGone` follows, unless it is closed before. */
  readonly onLeft: (device: Device) => void;
  /** None is left that could be opened. */
  readonly onGone: (error: ClientError) => void;
  readonly news: DeviceNews<Device>;
}

/** For the person at the device. */
export interface DeviceNews<Device> {
  /**
   * A device was lost or could not be opened; the message also says what is used now. AUDIO_DEVICE_REPLACED, or the code of
   * the loss when that is silence.
   */
  readonly onReplaced: (error: ClientError) => void;
  /** The best device is in use again. */
  readonly onReturned: (device: Device) => void;
}

interface InUse<Device> {
  readonly device: Device;
  readonly index: number;
  readonly sinceMs: number;
}

interface Attempt<Device> {
  readonly taken?: InUse<Device>;
  /** What was wrong with the first that was tried. */
  readonly problem?: ClientError;
}

/** While the best device is away it is looked for so often, and tried less and less often when it cannot be opened. */
const LOOK_EVERY_MS = 2_000;
const PAUSE_LOOK_MS = 200;
const tryAgain = { firstMs: 2_000, maxMs: 60_000 };
/** A noisy place has no pauses. */
const LONGEST_WAIT_FOR_PAUSE_MS = 60_000;
/** A device that is lost sooner was never really there: it is not the first to be tried again. */
const STABLE_MS = 5_000;

/**
 * One device out of several, best first. A lost one is replaced by the best that can be opened; when that is not the first
 * of all, the first is looked for, and taken again in a pause.
 */
export class DeviceSuccession<Device extends SoundDevice> {
  readonly #options: SuccessionOptions<Device>;
  #inUse: InUse<Device> | undefined;
  /** Which one the person believes to be in use; undefined when it is none. */
  #toldIndex: number | undefined = 0;
  #starting: Device | undefined;
  /** Raised by open and close: whoever worked under an older number has nothing to do any more. */
  #generation = 0;
  #failures = 0;
  #notBeforeMs = Number.NEGATIVE_INFINITY;
  #thereSinceMs: number | undefined;
  #timer: TimerHandle;

  constructor(options: SuccessionOptions<Device>) {
    this.#options = options;
  }

  /** The device in use; undefined before, after, and while a lost one is being replaced. */
  get device(): Device | undefined {
    return this.#inUse?.device;
  }

  /**
   * Opens the best device there is. Resolves without one when it is closed meanwhile.
   * @throws ClientError of the first that was tried, when none can be opened
   */
  async open(): Promise<Device | undefined> {
    const generation = await this.#begin();
    const isTooEarly = this.#options.clock.now() < this.#notBeforeMs;
    const { taken, problem } = await this.#take(isTooEarly ? (this.#toldIndex ?? 0) : 0, generation);
    if (generation !== this.#generation) return undefined;
    if (!taken) {
      this.#toldIndex = undefined;
      throw problem;
    }
    if (taken.index !== this.#toldIndex) this.#tell(taken, problem);
    return taken.device;
  }

  async close(): Promise<void> {
    await this.#begin();
  }

  async #begin(): Promise<number> {
    this.#generation += 1;
    const generation = this.#generation;
    this.#options.clock.clearTimeout(this.#timer);
    const devices = [this.#inUse?.device, this.#starting];
    this.#inUse = undefined;
    this.#starting = undefined;
    await Promise.all(devices.map((device) => device?.stop()));
    return generation;
  }

  /** The first of `count` candidates from `from` on that can be started, and what was wrong with the first one tried. */
  async #take(
    from: number,
    generation: number,
    count = this.#options.candidates.length,
  ): Promise<Attempt<Device>> {
    let problem: ClientError | undefined;
    for (let tried = 0; tried < count && generation === this.#generation; tried++) {
      const index = (from + tried) % this.#options.candidates.length;
      try {
        const taken = await this.#startOne(index, generation);
        if (taken) return { taken, ...(problem && { problem }) };
      } catch (thrown) {
        if (index === 0 && generation === this.#generation) this.#putOff();
        problem ??= toClientError(thrown, ErrorCode.audioDeviceMissing);
      }
    }
    return problem ? { problem } : {};
  }

  async #startOne(index: number, generation: number): Promise<InUse<Device> | undefined> {
    const { candidates, clock, start } = this.#options;
    const device = await (candidates[index] as DeviceCandidate<Device>).open();
    if (generation !== this.#generation) return undefined;
    this.#starting = device;
    let lost: ClientError | undefined;
    await start(device, (error) => {
      lost = error;
      if (this.#inUse?.device === device) this.#lose(error);
    });
    if (generation !== this.#generation) {
      // Whoever raised the number may have stopped it too early.
      if (this.#starting !== device && this.#inUse?.device !== device) await device.stop();
      return undefined;
    }
    this.#starting = undefined;
    if (lost) throw lost;
    this.#inUse = { device, index, sinceMs: clock.now() };
    this.#thereSinceMs = undefined;
    if (index > 0) this.#lookLater(generation, LOOK_EVERY_MS);
    return this.#inUse;
  }

  #lose(error: ClientError): void {
    const lost = this.#inUse;
    if (!lost) return;
    const wasStable = this.#options.clock.now() - lost.sinceMs >= STABLE_MS;
    if (lost.index === 0) {
      if (wasStable) this.#failures = 0;
      else this.#putOff();
    }
    this.#leave(lost);
    const { length } = this.#options.candidates;
    const [from, count] = wasStable ? [0, length] : [lost.index + 1, length - 1];
    void this.#replace(error, () => this.#take(from, this.#generation, count));
  }

  #leave({ device }: InUse<Device>): void {
    this.#options.clock.clearTimeout(this.#timer);
    this.#options.onLeft(device);
    this.#inUse = undefined;
  }

  /** @param error why the device before is not in use any more; undefined when it was left for a better one */
  async #replace(error: ClientError | undefined, take: () => Promise<Attempt<Device>>): Promise<void> {
    const generation = this.#generation;
    const { taken, problem } = await take();
    if (generation !== this.#generation) return;
    const reason = error ?? problem;
    if (taken) {
      this.#tell(taken, reason);
      this.#options.onTaken(taken.device);
    } else {
      this.#toldIndex = undefined;
      this.#options.onGone(reason ?? new ClientError(ErrorCode.audioDeviceLost, 'No sound device is left.'));
    }
  }

  #tell({ device, index }: InUse<Device>, problem: ClientError | undefined): void {
    const { onReplaced, onReturned } = this.#options.news;
    const isNews = index !== this.#toldIndex;
    this.#toldIndex = index;
    if (index === 0 && isNews) onReturned(device);
    else if (problem && device === this.#options.silence)
      onReplaced(withRemedy(problem, problem.code, 'Until it is back, nothing is heard.'));
    else if (problem) {
      const remedy = isNews ? `Until it is back, ${device.name} is used.` : `${device.name} is open again.`;
      onReplaced(withRemedy(problem, ErrorCode.audioDeviceReplaced, remedy));
    }
  }

  #putOff(): void {
    this.#notBeforeMs = this.#options.clock.now() + backoffDelayMs(this.#failures, tryAgain);
    this.#failures += 1;
  }

  #lookLater(generation: number, delayMs: number): void {
    this.#timer = this.#options.clock.setTimeout(() => void this.#look(generation), delayMs);
  }

  async #look(generation: number): Promise<void> {
    const { candidates, clock, isPause } = this.#options;
    if (clock.now() < this.#notBeforeMs) return this.#lookLater(generation, LOOK_EVERY_MS);
    if (this.#thereSinceMs === undefined) {
      const isThere = await candidates[0]?.isThere();
      if (generation !== this.#generation || !this.#inUse) return;
      if (!isThere) {
        // When it comes, it comes anew.
        this.#failures = 0;
        return this.#lookLater(generation, LOOK_EVERY_MS);
      }
      this.#thereSinceMs = clock.now();
    }
    const isPatient = clock.now() - this.#thereSinceMs < LONGEST_WAIT_FOR_PAUSE_MS;
    if (isPatient && !isPause()) return this.#lookLater(generation, PAUSE_LOOK_MS);
    await this.#goBack(generation);
  }

  /** The one in use is closed first, because both may be roads to the same card. */
  async #goBack(generation: number): Promise<void> {
    const left = this.#inUse;
    if (!left) return;
    this.#leave(left);
    await left.device.stop();
    await this.#replace(undefined, async () => {
      const { taken, problem } = await this.#take(0, generation);
      // What was wrong with the first is no news while the same one goes on.
      return { ...(taken && { taken }), ...(problem && taken?.index !== left.index && { problem }) };
    });
  }
}

function withRemedy({ message, cause }: ClientError, code: ErrorCode, remedy: string): ClientError {
  return new ClientError(code, `${message} ${remedy}`, { retryable: true, cause });
}
