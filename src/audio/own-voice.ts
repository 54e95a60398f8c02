import { ECHO_SIMILARITY, type EchoPlace, HEARD_MS } from './echo-place.ts';
import { HeardMoments } from './echo-search.ts';

/** An echo that is surely behind the canceller is held back until somebody has looked again. */
const SURELY_ECHO_SIMILARITY = 0.5;
const HELD_BACK_FRAMES = 20;
/** Before the first echo nothing can be taken out of it. If by then none has been found there is none. */
const FIRST_ECHO_FRAMES = 40;

/** What the canceller leaves of a person resembles what was played by so little, most of the time. */
const FOREIGN_SIMILARITY = 0.2;
/** By at most so much, where the echo is known to be taken out. */
const LEFT_SIMILARITY = 0.25;
/** And so much of an echo that has moved is left until the canceller is used to it. */
const SETTLING_SIMILARITY = 0.25;
const FRAMES_PER_OPINION = 3;
const OPINIONS_NEEDED = 3;

/** Tells the device's own voice from a person, in what the canceller leaves. */
export class OwnVoice {
  readonly #place: EchoPlace;
  readonly #cleaned: HeardMoments;
  #frames = 0;
  #heldBackUntilFrame = 0;
  #firstEchoFrames = FIRST_ECHO_FRAMES;
  #opinionFrame = 0;
  #opinionsMissing = OPINIONS_NEEDED;

  constructor(place: EchoPlace, sampleRateHz: number) {
    this.#place = place;
    this.#cleaned = new HeardMoments(sampleRateHz, HEARD_MS);
  }

  /** 10 ms of the near end behind the canceller, after `place` has heard them before it; lent. */
  hear(near: Int16Array, endMs: number, energyBefore: number, energyAfter: number): void {
    this.#frames += 1;
    this.#cleaned.push(near, endMs);
    if (this.#place.isFarHeard) this.#firstEchoFrames -= 1;
    if (this.#place.lookWhereDoubtful(energyBefore, energyAfter) && this.#isSurelyLeft())
      this.#heldBackUntilFrame = this.#frames + HELD_BACK_FRAMES;
  }

  /** What the canceller leaves now is mostly echo, and nothing that anybody should hear. */
  get isEchoLeft(): boolean {
    const mayBeFirst = this.#firstEchoFrames > 0 && this.#place.isFarHeard;
    return mayBeFirst || this.#frames < this.#heldBackUntilFrame;
  }

  /** Whether what sounds like somebody may be the device itself. Asked with every frame in which it does. */
  mayBe(): boolean {
    const frames = this.#frames - this.#opinionFrame;
    if (frames < FRAMES_PER_OPINION) return this.#opinionsMissing > 0;
    if (frames > 10 * FRAMES_PER_OPINION) this.#opinionsMissing = OPINIONS_NEEDED;
    this.#opinionFrame = this.#frames;
    const opinion = this.#opinion();
    this.#opinionsMissing = opinion === 'own' ? OPINIONS_NEEDED : this.#opinionsMissing - opinion;
    return this.#opinionsMissing > 0;
  }

  /** Where the echo is known to be taken out, what resembles it is a person with such a voice. */
  #isSurelyLeft(): boolean {
    if (!this.#place.isSettling && this.#place.isInPlace) return false;
    return this.#place.similarityOf(this.#cleaned) >= SURELY_ECHO_SIMILARITY;
  }

  /** How many of the opinions that are needed it makes up that this is somebody else. */
  #opinion(): number | 'own' {
    const left = this.#place.similarityOf(this.#cleaned);
    if (left >= (this.#place.isSettling ? SETTLING_SIMILARITY : ECHO_SIMILARITY)) return 'own';
    if (left < FOREIGN_SIMILARITY || (left < LEFT_SIMILARITY && this.#place.isInPlace))
      return OPINIONS_NEEDED;
    return this.#place.lookElsewhere() ? 'own' : 1;
  }
}
