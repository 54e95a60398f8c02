import { EchoDelay } from './echo-delay.ts';
import { EchoSearch, type FoundEcho, HeardMoments } from './echo-search.ts';
import { levelDbfs } from './gain.ts';

const RANGE = { leadMs: 100, latestMs: 500 };
/** What a microphone loses makes the echo seem to come sooner, until its clock has been set. */
const SEARCHED = { leadMs: 200, latestMs: 500 };
const AUDIBLE_DBFS = -50;

/** Where a canceller wants the echo: behind the far end, and early in its filter. */
const WANTED_DELAY_MS = 20;
const LATEST_DELAY_MS = 70;

/** A delay that loudness tells has to be told so often in a row before the canceller must learn anew. */
const CONFIRMATIONS = 4;
const FRAMES_PER_ALIGNMENT = 10;

/** What is looked for: a few syllables; shorter sounds resemble too much. */
export const HEARD_MS = 200;
/** The same where only one place is in question. */
const SYLLABLE_MS = 100;
/** Where less than this is taken out of what the microphone hears, either somebody speaks or the echo has moved. */
const DOUBTFUL_DB = 6;
/** In so many frames an energy is forgotten to a third. */
const DOUBT_FRAMES = 8;
/** How long after the far end its echo may be heard, wherever that is. */
const ECHO_FRAMES = 60;
/** Another voice hardly ever resembles the device's by so much, wherever; its echo does by 0.6 to 0.85, in one place. */
export const ECHO_SIMILARITY = 0.4;
/** By chance no other sound is as similar just where the echo is. */
const KNOWN_ECHO_SIMILARITY = 0.32;
const SAME_PLACE_MS = 2;
const FRAMES_TO_SECOND_LOOK = 4;
const FRAMES_TO_NEXT_LOOK = 15;

/** So long the canceller gets used to where the echo has moved. */
const SETTLING_FRAMES = 100;

/**
 * Knows where the echo of the far end is in the near end. Two ways lead to it: loudness, which is cheap and slow, and where
 * there is doubt a search, which finds an echo that has moved after a quarter of a second. Sound devices move it whenever
 * they lose something, and then no canceller takes it out: it sounds like somebody who interrupts (see `OwnVoice`).
 */
export class EchoPlace {
  readonly #loudness = new EchoDelay(RANGE);
  readonly #search = new EchoSearch();
  readonly #heard: HeardMoments;
  #shiftMs = 0;
  #delayMs: number | undefined;
  #moves = 0;
  #frames = 0;
  #confirmations = 0;
  /** Exactly where the echo is, as a search has found it. */
  #foundMs: number | undefined;
  #candidateMs: number | undefined;
  #nextLookFrame = 0;
  /** Frames since the far end was heard. */
  #quietFrames = Number.MAX_SAFE_INTEGER;
  #energyBefore = 0;
  #energyAfter = 0;
  #movedFrame = Number.NEGATIVE_INFINITY;

  constructor(sampleRateHz: number) {
    this.#heard = new HeardMoments(sampleRateHz, HEARD_MS);
  }

  /** The far end is to be given to the canceller by so much later than it was promised to be heard. */
  get shiftMs(): number {
    return this.#shiftMs;
  }

  /** By how much the echo comes later than the loudspeaker promised; undefined until it is known. */
  get delayMs(): number | undefined {
    return this.#delayMs;
  }

  /** From the far end, as the canceller gets it, to its echo. */
  get delayInFilterMs(): number {
    return this.#delayMs === undefined ? WANTED_DELAY_MS : Math.max(0, this.#delayMs - this.#shiftMs);
  }

  /** How often the far end had to be moved to where the echo is. */
  get moves(): number {
    return this.#moves;
  }

  /** What is played, and when its first sample was promised to be heard; lent. */
  pushFar(pcm: Int16Array, sampleRateHz: number, startMs: number): void {
    this.#search.pushFar(pcm, sampleRateHz, startMs);
  }

  cutFar(atMs: number): void {
    this.#search.cutFar(atMs);
  }

  /**
   * The near end turns out to be so much later than it was said to be, and goes on without a gap. So must the far end: what
   * the canceller has learned stays true.
   */
  setNearClock(byMs: number): void {
    this.#shiftMs += byMs;
    if (this.#delayMs !== undefined) this.#delayMs += byMs;
    this.#foundMs = undefined;
    this.#candidateMs = undefined;
    this.#forgetLoudness();
  }

  /** The same for the far end. */
  setFarClock(byMs: number): void {
    this.#search.setFarClock(byMs);
    this.setNearClock(-byMs);
  }

  /** 10 ms of both ends before the canceller, as promised and not as shifted; lent. */
  hear(near: Int16Array, far: Int16Array, endMs: number): void {
    this.#frames += 1;
    this.#loudness.push(near, far);
    this.#heard.push(near, endMs);
    this.#quietFrames = levelDbfs(far) > AUDIBLE_DBFS ? 0 : this.#quietFrames + 1;
    if (this.#frames % FRAMES_PER_ALIGNMENT === 0) this.#alignByLoudness();
  }

  /** The energies of the same 10 ms before and behind the canceller. Where it leaves much it looks for the echo: then true. */
  lookWhereDoubtful(energyBefore: number, energyAfter: number): boolean {
    this.#energyBefore += (energyBefore - this.#energyBefore) / DOUBT_FRAMES;
    this.#energyAfter += (energyAfter - this.#energyAfter) / DOUBT_FRAMES;
    if (this.#frames < this.#nextLookFrame || !this.#isDoubtful) return false;
    this.#look(this.#find(this.#heard));
    return true;
  }

  /** Whether the echo seems to be heard in another place than it was. */
  lookElsewhere(): boolean {
    const heard = this.#find(this.#heard);
    if (!this.#isElsewhere(heard)) return false;
    this.#look(heard);
    return true;
  }

  /** How similar the last of these moments are to what was played, wherever: 0 to 1. */
  similarityOf(moments: HeardMoments): number {
    return this.#find(moments)?.similarity ?? 0;
  }

  /** What was played may be heard now, or its echo. */
  get isFarHeard(): boolean {
    return this.#quietFrames < ECHO_FRAMES;
  }

  /** The canceller is not used yet to where the echo has moved. */
  get isSettling(): boolean {
    return this.#frames - this.#movedFrame < SETTLING_FRAMES;
  }

  #find(moments: HeardMoments): FoundEcho | undefined {
    return this.#search.find(moments.last(HEARD_MS), SEARCHED);
  }

  /** The echo is heard where it is taken out, just now. */
  get isInPlace(): boolean {
    if (this.#foundMs === undefined) return false;
    const range = { leadMs: SAME_PLACE_MS - this.#foundMs, latestMs: SAME_PLACE_MS + this.#foundMs };
    const here = this.#search.find(this.#heard.last(SYLLABLE_MS), range);
    return here !== undefined && here.similarity >= KNOWN_ECHO_SIMILARITY;
  }

  get #isDoubtful(): boolean {
    if (!this.isFarHeard) return false;
    return this.#foundMs === undefined || this.#energyAfter > this.#energyBefore / 10 ** (DOUBTFUL_DB / 10);
  }

  /** An echo has moved when it is found twice in a row in one other place. */
  #look(found: FoundEcho | undefined): void {
    const before = this.#candidateMs;
    this.#candidateMs = undefined;
    this.#nextLookFrame = this.#frames + FRAMES_TO_NEXT_LOOK;
    if (!this.#isElsewhere(found)) return;
    // A person with a voice like the device's seems to be an echo somewhere else, while the echo is where it was.
    if (this.isInPlace) return;
    if (isSamePlace(found.delayMs, before)) {
      this.#isFoundAt(found.delayMs);
      return;
    }
    this.#candidateMs = found.delayMs;
    this.#nextLookFrame = this.#frames + FRAMES_TO_SECOND_LOOK;
  }

  #isElsewhere(found: FoundEcho | undefined): found is FoundEcho {
    if (!found || found.similarity < ECHO_SIMILARITY) return false;
    return !isSamePlace(found.delayMs, this.#foundMs);
  }

  #isFoundAt(delayMs: number): void {
    // What the canceller has learned stays true when the echo stays where it was in its filter.
    if (this.#foundMs !== undefined) this.#moveTo(this.#shiftMs + delayMs - this.#foundMs);
    else if (!this.#isInFilter(delayMs)) this.#moveTo(delayMs - WANTED_DELAY_MS);
    this.#foundMs = delayMs;
    this.#delayMs = delayMs;
    this.#forgetLoudness();
  }

  #moveTo(shiftMs: number): void {
    this.#shiftMs = shiftMs;
    this.#moves += 1;
    this.#movedFrame = this.#frames;
  }

  #forgetLoudness(): void {
    this.#loudness.reset();
    this.#confirmations = 0;
  }

  #alignByLoudness(): void {
    const { delayMs } = this.#loudness;
    if (delayMs === undefined) return;
    const isGood = this.#isInFilter(delayMs);
    this.#confirmations = isGood ? 0 : this.#confirmations + 1;
    if (isGood) this.#delayMs = this.#foundMs ?? delayMs;
    if (this.#confirmations < CONFIRMATIONS) return;
    this.#confirmations = 0;
    this.#delayMs = delayMs;
    this.#foundMs = undefined;
    this.#moveTo(delayMs - WANTED_DELAY_MS);
  }

  #isInFilter(delayMs: number): boolean {
    const inFilterMs = delayMs - this.#shiftMs;
    return inFilterMs >= 0 && inFilterMs <= LATEST_DELAY_MS;
  }
}

function isSamePlace(delayMs: number | undefined, otherMs: number | undefined): boolean {
  return delayMs !== undefined && otherMs !== undefined && Math.abs(delayMs - otherMs) <= SAME_PLACE_MS;
}
