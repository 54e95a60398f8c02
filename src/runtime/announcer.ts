import type { Downlink } from '../audio/downlink.ts';
import type { Announcement } from '../machine/context.ts';
import type { TextWay } from '../machine/events.ts';
import type { DeliveryNote } from '../machine/setup.ts';
import { announcementEvents, notificationPayload } from '../mcp/announcements/messages.ts';
import type { StatusDisplay } from '../ports/status-display.ts';
import { clientMessage } from '../protocol/messages.ts';
import type { Wire } from './wire.ts';

/** What announcements need of the world. */
export interface NoticeOutlet {
  /** A notice as sound of our own: a chime, and words where there is a voice. Never rejects. */
  render(text: string): Promise<{ readonly pcm: Int16Array; readonly sampleRateHz: number }>;
  /** The person has been told of these results. */
  markTold(taskIds: readonly string[]): void;
  /** These are about to be told; resolves when the disk knows. Never rejects. */
  markSent(taskIds: readonly string[]): Promise<void>;
  /** Nobody can have heard these. */
  markUnsent(taskIds: readonly string[]): void;
  /** The mailbox was full: the mail of these tasks has to come again when something has been told. */
  bringAgain(taskIds: readonly string[]): void;
}

export interface AnnouncerParts {
  readonly wire: Wire;
  readonly downlink: Downlink;
  readonly display: StatusDisplay;
  readonly outlet: NoticeOutlet | undefined;
  /** Sends words to the server as if a person had said them. */
  readonly sendText: (text: string, way: TextWay) => void;
}

const resumedSampleRateHz = 24_000;
const resumedNotesHz = [660, 990];
const resumedNoteMs = 90;
const resumedPeak = 6_000;

/** Tells the person of finished tasks, through the server or alone, and everybody else of what became of it. */
export class Announcer {
  readonly #parts: AnnouncerParts;
  /** Raised when the sound that is being made is not wanted any more. */
  #sound = 0;

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
  }

  /** Resolves when a kill would not make the device tell these a second time as if it were the first. Never rejects. */
  async recordSending(taskIds: readonly string[]): Promise<void> {
    await this.#parts.outlet?.markSent(taskIds);
  }

  /** Hands the notice to the server by the planned strategy; `way`: how texts reach this server. */
  send(announcement: Announcement, way: TextWay): void {
    const { wire } = this.#parts;
    const { strategy, notice } = announcement;
    if (strategy === 'notification')
      wire.send(clientMessage.mcp(wire.sessionId, notificationPayload(notice)));
    else if (strategy !== 'local') this.#parts.sendText(notice.text, strategy === 'text' ? 'text' : way);
    this.#tell('sent', announcement);
  }

  /** Tells it without the server; the downlink reports when it has been heard. */
  play(announcement: Announcement): void {
    const { downlink, display, outlet } = this.#parts;
    this.#sound += 1;
    const thisSound = this.#sound;
    display.show({ type: 'alert', status: 'notice', message: announcement.notice.text, emotion: 'neutral' });
    this.#tell('sent', announcement);
    downlink.begin();
    if (!outlet) return;
    const { taskIds, text } = announcement.notice;
    void Promise.all([outlet.render(text), outlet.markSent(taskIds)]).then(([{ pcm, sampleRateHz }]) => {
      if (thisSound !== this.#sound) return;
      downlink.playSound(pcm, sampleRateHz);
      downlink.finish();
    });
  }

  /** Two rising notes: the conversation goes on. */
  playResumed(): void {
    const { downlink } = this.#parts;
    this.#sound += 1;
    downlink.begin();
    downlink.playSound(resumedSound(), resumedSampleRateHz);
    downlink.finish();
  }

  cancelSound(): void {
    this.#sound += 1;
  }

  noteMail({ queued, untaken }: DeliveryNote): void {
    this.#show('queued', queued);
    if (untaken.length > 0) this.#parts.outlet?.bringAgain(untaken);
  }

  note(phase: 'spoken' | 'failed', announcement: Announcement): void {
    this.#tell(phase, announcement);
    const { taskIds } = announcement.notice;
    if (phase === 'spoken') this.#parts.outlet?.markTold(taskIds);
    else if (!announcement.sounded) this.#parts.outlet?.markUnsent(taskIds);
  }

  #tell(phase: 'sent' | 'spoken' | 'failed', { notice, strategy, attempt }: Announcement): void {
    this.#show(phase, notice.taskIds, { strategy, attempt: attempt + 1 });
  }

  #show(...event: Parameters<typeof announcementEvents>): void {
    for (const shown of announcementEvents(...event)) this.#parts.display.show(shown);
  }
}

function resumedSound(): Int16Array {
  const samplesPerNote = Math.round((resumedSampleRateHz * resumedNoteMs) / 1000);
  return Int16Array.from({ length: samplesPerNote * resumedNotesHz.length }, (_, at) => {
    const frequencyHz = resumedNotesHz[Math.floor(at / samplesPerNote)] ?? 0;
    const inNote = at % samplesPerNote;
    const envelope = Math.sin((Math.PI * inNote) / samplesPerNote);
    return Math.round(
      resumedPeak * envelope * Math.sin((2 * Math.PI * frequencyHz * inNote) / resumedSampleRateHz),
    );
  });
}
