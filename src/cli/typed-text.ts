import type { StatusDisplay, StatusEvent } from '../ports/status-display.ts';
import type { Device } from '../runtime/device.ts';

/** What is typed while a device makes way for the next one is kept, and is asked by that. The last text counts. */
export class TypedText implements StatusDisplay {
  #ending = false;
  #text: string | undefined;

  show(event: StatusEvent): void {
    if (event.type === 'state' && event.cause === 'reboot.requested') this.#ending = true;
  }

  submit(device: Pick<Device, 'send'>, text: string): void {
    if (this.#ending) this.#text = text;
    else device.send({ type: 'text.submitted', text });
  }

  /** To the next device, once it has started. */
  handOver(device: Pick<Device, 'send'>): void {
    this.#ending = false;
    const text = this.#text;
    this.#text = undefined;
    if (text !== undefined) device.send({ type: 'text.submitted', text });
  }
}
