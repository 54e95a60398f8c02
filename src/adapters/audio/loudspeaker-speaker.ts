import type { Writable } from 'node:stream';
import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode, messageOf } from '../../core/errors.ts';
import type { Loudspeaker } from '../../ports/loudspeaker.ts';
import { probeError, probePackage, requirePackage } from './native-package.ts';
import type { Pacer } from './pacer.ts';
import { createStreamLoudspeaker, type OutputStream } from './stream-loudspeaker.ts';

/** The part of the package `speaker` that is used. `close(false)` does not wait for what was written. */
type SpeakerClass = new (
  options: Readonly<Record<string, unknown>>,
) => Writable & { close(flush?: boolean): void };

export interface SpeakerLoudspeakerOptions {
  readonly pacer: Pacer;
  /** ALSA device such as `plughw:1,0`; undefined is the system's default. */
  readonly device?: string | undefined;
}

const SAMPLE_RATE_HZ = 24_000;
/** What mpg123's ALSA output buffers before it starts. */
const LATENCY_MS = 100;
const CLOSE_TIMEOUT_MS = 1_000;

/** The system's sound output through the package `speaker` (mpg123 over ALSA). */
export function createSpeakerLoudspeaker({ pacer, device }: SpeakerLoudspeakerOptions): Loudspeaker {
  return createStreamLoudspeaker({
    name: device === undefined ? 'speaker' : `speaker:${device}`,
    pacer,
    latencyMs: LATENCY_MS,
    open: () => open(pacer.clock, device),
  });
}

async function open(clock: Clock, device: string | undefined): Promise<OutputStream> {
  const probe = await probePackage('speaker');
  if (!probe.ok) throw probeError('speaker', probe);
  try {
    const Speaker = requirePackage('speaker') as SpeakerClass;
    const stream = new Speaker({
      channels: 1,
      bitDepth: 16,
      sampleRate: SAMPLE_RATE_HZ,
      device: device ?? null,
    });
    return { stream, sampleRateHz: SAMPLE_RATE_HZ, close: () => close(stream, clock) };
  } catch (error) {
    throw new ClientError(
      ErrorCode.audioDeviceMissing,
      `The loudspeaker cannot be opened (${messageOf(error)}). See "xiaozhi-speaker devices" for what there is.`,
      { cause: error },
    );
  }
}

/** Lets the write in progress finish first: closing the device under it would crash. */
function close(stream: InstanceType<SpeakerClass>, clock: Clock): Promise<void> {
  return new Promise((resolve) => {
    const timeout = clock.setTimeout(resolve, CLOSE_TIMEOUT_MS);
    stream.once('close', () => {
      clock.clearTimeout(timeout);
      resolve();
    });
    if (stream.errored || stream.destroyed) stream.close(false);
    else stream.end();
  });
}
