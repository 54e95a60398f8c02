/** What a recording program said on standard error, as far as it matters. */
export interface RecorderTalk {
  /** Times it told of lost sound. */
  readonly xruns: number;
  /** The device that the sound server connected it to, or moved it to, last. */
  readonly device: string | undefined;
  /** What went wrong, in its words. */
  readonly complaint: string | undefined;
}

const MAX_COMPLAINT_LENGTH = 200;
const DEVICE = /^(?:Connected|Stream moved) to device (\S+) /;
/** What `parec --verbose` tells besides; the first many times a second. */
const PROGRESS =
  /^(?:Time: |Opening a |Connection established|Buffer metrics|Using sample spec|Connected to device|Stream (?:successfully|buffer|started|moved|overrun|underrun))/;

export function hearRecorder(text: string): RecorderTalk {
  const lines = text
    .split(/[\r\n]+/)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  const complaints = lines.filter((line) => !PROGRESS.test(line));
  return {
    xruns: lines.filter((line) => line.includes('overrun')).length,
    device: lines.flatMap((line) => DEVICE.exec(line)?.[1] ?? []).at(-1),
    // ALSA says much before it comes to the point, which is in the last line.
    complaint: complaints.at(-1)?.slice(0, MAX_COMPLAINT_LENGTH),
  };
}
