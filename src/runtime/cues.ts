import type { CueLoudspeaker } from '../audio/cue-loudspeaker.ts';
import type { CuePath } from '../audio/cue-path.ts';
import { type CueName, cueSound, digitBeeps, notesOf } from '../audio/cue-sounds.ts';
import { scaled } from '../audio/gain.ts';
import type { Clock, TimerHandle } from '../core/clock.ts';
import type { StatusDisplay, StatusEvent } from '../ports/status-display.ts';

export interface CueParts {
  readonly clock: Clock;
  readonly loudspeaker: Pick<CueLoudspeaker, 'playCue'>;
  /** For sounds that come with a wish: the person may speak at the same time. */
  readonly wishes: Pick<CuePath, 'play'>;
  /** `false`: none but the ring of a timer. */
  readonly enabled: boolean;
  readonly volumePercent: number;
  readonly language: 'en' | 'zh-CN';
  /** Nothing is heard of a loudspeaker that is switched off. */
  readonly isMuted: () => boolean;
  /** A voice, if this machine has one. Never rejects. */
  readonly speak: (
    text: string,
    language: 'en' | 'zh',
  ) => Promise<{ readonly pcm: Int16Array; readonly sampleRateHz: number } | undefined>;
}

const repeatCodeMs = 30_000;
/** An error that goes on is told again only after so long. */
const sameErrorMs = 600_000;
/** One at a time is enough to know that something is wrong. */
const anyErrorMs = 20_000;
const maxSpokenCharacters = 300;
/** Errors of the server being away have a sound of their own. */
const away = /^(TRANSPORT_|PROVISIONING_)/;
const readyPauseMs = 150;
const upgradePauseMs = 2000;
/** They sound while the person may already speak. */
const withWish: ReadonlySet<CueName> = new Set(['open', 'close', 'wake']);
/** A conversation begun by the wake word has had its sound. */
const wakeCoversMs = 2000;

/** Tells by sound what a screen would show: listens to the events of the device and plays beside what it says. */
export class Cues implements StatusDisplay {
  readonly #parts: CueParts;
  #code: { readonly code: string; readonly message: string } | undefined;
  #codeTimer: TimerHandle;
  #isReady = false;
  #isMicrophoneMuted = false;
  #isIdle = false;
  #upgrade: string | undefined;
  #upgradeTimer: TimerHandle;
  #wokenAtMs = Number.NEGATIVE_INFINITY;
  #erredAtMs = Number.NEGATIVE_INFINITY;
  readonly #errors = new Map<string, number>();
  #closed = false;

  constructor(parts: CueParts) {
    this.#parts = parts;
  }

  show(event: StatusEvent): void {
    if (!this.#parts.enabled || this.#closed) return;
    switch (event.type) {
      case 'state':
        this.#onState(event);
        break;
      case 'activation':
        this.#onActivation(event);
        break;
      case 'wake':
        this.#wokenAtMs = this.#parts.clock.now();
        this.play('wake');
        break;
      case 'mute':
        if (event.what === 'microphone') this.#onMicrophoneMute(event.muted);
        break;
      case 'alert':
        // A notice brings its own chime.
        if (event.status !== 'notice') this.play('alert');
        break;
      case 'upgrade':
        this.#upgrade = event.version;
        this.#tellUpgradeSoon();
        break;
      case 'error':
        this.#onError(event.code, event.message);
        break;
    }
  }

  /** A timer is due: rung at once, whatever the server does; its words follow by the usual way. */
  ring(): void {
    this.#play(cueSound('ring', this.#parts.volumePercent));
  }

  play(name: CueName): void {
    const sound = cueSound(name, this.#parts.volumePercent);
    if (!withWish.has(name)) this.#play(sound);
    else if (this.#isHeard) this.#parts.wishes.play(sound.pcm, sound.sampleRateHz, notesOf(name));
  }

  close(): void {
    this.#closed = true;
    this.#parts.clock.clearTimeout(this.#upgradeTimer);
    this.#parts.clock.clearTimeout(this.#codeTimer);
  }

  #onState(event: Extract<StatusEvent, { type: 'state' }>): void {
    this.#isIdle = event.to === 'idle' && event.pausing !== true;
    this.#playState(event);
    this.#tellUpgradeSoon();
  }

  #playState({ from, to, pausing }: Extract<StatusEvent, { type: 'state' }>): void {
    // A conversation that pauses for a notice goes on: nothing opens or closes.
    if (pausing) return;
    if (to !== 'activating') this.#forgetCode();
    if (to === 'idle' && !this.#isReady) {
      this.#isReady = true;
      this.#playReady();
      return;
    }
    const woken = this.#parts.clock.now() - this.#wokenAtMs < wakeCoversMs;
    // What the person asked for by key: the microphone is open from the wish on.
    const begins = from === 'idle' && (to === 'connecting' || to === 'listening');
    const opensAgain = to === 'listening' && (from === 'speaking' || from === 'thinking');
    if ((begins || opensAgain) && !woken) this.play('open');
    else if (from === 'listening' && (to === 'idle' || to === 'thinking')) this.play('close');
  }

  /** When the other sounds are over, and nobody talks. */
  #tellUpgradeSoon(): void {
    this.#parts.clock.clearTimeout(this.#upgradeTimer);
    if (this.#upgrade !== undefined && this.#isIdle)
      this.#upgradeTimer = this.#parts.clock.setTimeout(() => this.#tellUpgrade(), upgradePauseMs);
  }

  #tellUpgrade(): void {
    const version = this.#upgrade;
    if (version === undefined) return;
    this.#upgrade = undefined;
    this.play('upgrade');
    void this.#say(upgradeWords(version, this.#parts.language), errorPauseMs);
  }

  #onMicrophoneMute(muted: boolean): void {
    this.#isMicrophoneMuted = muted;
    if (this.#isReady) this.play(muted ? 'muted' : 'unmuted');
  }

  /** Ready, and deaf: one sound, because of two the second would cut the first. */
  #playReady(): void {
    const { volumePercent } = this.#parts;
    const ready = cueSound('ready', volumePercent);
    if (!this.#isMicrophoneMuted) return void this.#play(ready);
    const muted = cueSound('muted', volumePercent);
    const pause = Math.round((ready.sampleRateHz * readyPauseMs) / 1000);
    const pcm = new Int16Array(ready.pcm.length + pause + muted.pcm.length);
    pcm.set(ready.pcm);
    pcm.set(muted.pcm, ready.pcm.length + pause);
    this.#play({ pcm, sampleRateHz: ready.sampleRateHz });
  }

  #onActivation({ code, message }: { readonly code: string; readonly message: string }): void {
    if (this.#code?.code === code) return;
    this.#code = { code, message };
    this.#tellCode();
  }

  #forgetCode(): void {
    this.#code = undefined;
    this.#parts.clock.clearTimeout(this.#codeTimer);
  }

  #tellCode(): void {
    const told = this.#code;
    if (!told) return;
    this.#parts.clock.clearTimeout(this.#codeTimer);
    this.#codeTimer = this.#parts.clock.setTimeout(() => this.#tellCode(), repeatCodeMs);
    void this.#say(activationWords(told, this.#parts.language)).then((spoken) => {
      if (!spoken && this.#code === told) this.#play(digitBeeps(told.code, this.#parts.volumePercent));
    });
  }

  /** Once, with what to do: errors that go on must not fill the room. */
  #onError(code: string, message: string): void {
    const nowMs = this.#parts.clock.now();
    const toldAtMs = this.#errors.get(code) ?? Number.NEGATIVE_INFINITY;
    if (nowMs - toldAtMs < sameErrorMs || nowMs - this.#erredAtMs < anyErrorMs) return;
    this.#errors.set(code, nowMs);
    this.#erredAtMs = nowMs;
    this.play(away.test(code) ? 'away' : 'error');
    void this.#say(message.slice(0, maxSpokenCharacters), errorPauseMs);
  }

  /** False where there is no voice. */
  async #say(text: string, afterMs = 0): Promise<boolean> {
    const language = /\p{Script=Han}/u.test(text) ? 'zh' : 'en';
    const speech = await this.#parts.speak(text, language);
    if (!speech) return false;
    if (afterMs > 0) await new Promise<void>((resolve) => this.#parts.clock.setTimeout(resolve, afterMs));
    this.#play({ pcm: scaled(speech.pcm, this.#parts.volumePercent), sampleRateHz: speech.sampleRateHz });
    return true;
  }

  get #isHeard(): boolean {
    return !this.#closed && !this.#parts.isMuted();
  }

  #play({ pcm, sampleRateHz }: { readonly pcm: Int16Array; readonly sampleRateHz: number }): void {
    if (!this.#isHeard) return;
    void this.#parts.loudspeaker.playCue(pcm, sampleRateHz);
  }
}

/** The sound before the words is over by then. */
const errorPauseMs = 800;

export function upgradeWords(version: string, language: 'en' | 'zh-CN'): string {
  if (language === 'zh-CN') return `服务器提供新固件 ${version}。本设备的更新随软件包发布。`;
  return `The server offers firmware ${version}. Updates of this device come with its package.`;
}

/** Digit by digit, twice, and where to type it: the server's own words name the place. */
export function activationWords(
  { code, message }: { readonly code: string; readonly message: string },
  language: 'en' | 'zh-CN',
): string {
  const digits = [...code].join(', ');
  const place =
    /https?:\/\/([^\s/?#]+(?:\/[^\s?#]*)?)/i.exec(message)?.[1] ??
    /((?:[a-z0-9-]+\.)+[a-z]{2,}(?:\/[^\s?#]*)?)/i.exec(message)?.[1];
  if (language === 'zh-CN')
    return `激活码：${digits}。再说一遍：${digits}。${place ? `请在 ${place} 输入。` : '请在控制台输入。'}`;
  return `The activation code is: ${digits}. Again: ${digits}. Type it ${place ? `at ${place}` : 'on the web page of your server'}.`;
}
