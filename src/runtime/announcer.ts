import type { Downlink } from '../audio/downlink.ts';
import type { Announcement } from '../machine/context.ts';
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
  /** The mailbox was full: the mail of these tasks has to come again when something has been told. */
  bringAgain(taskIds: readonly string[]): void;
}

export interface AnnouncerParts {
  readonly wire: Wire;
  readonly downlink: Downlink;
  readonly display: StatusDisplay;
  readonly outlet: NoticeOutlet | undefined;
}

/** Tells the person of finished tasks, through the server or alone, and everybody else of what became of it. */
export class Announcer {
  readonly #parts: AnnouncerParts;
  /** Raised when the sound that is being made is not wanted any more. */
  #sound = 0;

  constructor(parts: AnnouncerParts) {
    this.#parts = parts;
  }

  /** Hands the notice to the server by the planned strategy. */
  send(announcement: Announcement): void {
    const { wire } = this.#parts;
    const { strategy, notice } = announcement;
    const message = {
      detect: () => clientMessage.listenDetect(wire.sessionId, notice.text),
      'detect-cue': () => clientMessage.listenDetect(wire.sessionId, notice.text),
      text: () => clientMessage.text(wire.sessionId, notice.text),
      notification: () => clientMessage.mcp(wire.sessionId, notificationPayload(notice)),
      local: () => undefined,
    }[strategy]();
    if (message !== undefined) wire.send(message);
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
    void outlet?.render(announcement.notice.text).then(({ pcm, sampleRateHz }) => {
      if (thisSound !== this.#sound) return;
      downlink.playSound(pcm, sampleRateHz);
      downlink.finish();
    });
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
    if (phase === 'spoken') this.#parts.outlet?.markTold(announcement.notice.taskIds);
  }

  #tell(phase: 'sent' | 'spoken' | 'failed', { notice, strategy, attempt }: Announcement): void {
    this.#show(phase, notice.taskIds, { strategy, attempt: attempt + 1 });
  }

  #show(...event: Parameters<typeof announcementEvents>): void {
    for (const shown of announcementEvents(...event)) this.#parts.display.show(shown);
  }
}
