import { createEndpointer } from '../audio/endpointer.ts';
import type { Device } from '../runtime/device.ts';

const hangoverMs = 800;
const minSpeechMs = 120;

/** Lets go of the talk key when the person falls silent: for manual mode where nobody sits at the keys. */
export function createLocalEndpointing(device: Device, sampleRateHz: number): (frame: Int16Array) => void {
  const endpointer = createEndpointer({
    sampleRateHz,
    hangoverMs,
    minSpeechMs,
    onSpeechStarted: () => {},
    onSpeechEnded: () => device.send({ type: 'talk.released' }),
  });
  return (frame) => endpointer.push(frame);
}
