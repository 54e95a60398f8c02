import { lossSnrDb, playNative, playTypeScript } from './loss-run.ts';
import { erleDb, keptVoice, playInRoom, speaking } from './room-run.ts';
import { fluentSpeech, looped, parts } from './support.ts';

/** CPU time per second of sound, in percent of a core, of echo cancelling with noise suppression at 16 kHz. */
function cancellerCpuPercent(): number {
  const canceller = parts.createEchoCanceller?.({
    sampleRateHz: 16_000,
    noiseSuppression: true,
    gainControl: false,
  });
  const far = looped(fluentSpeech(), 30, 0.5);
  const near = far.map((sample) => sample * 0.3);
  const measure = (fromSecond: number, toSecond: number) => {
    const before = process.cpuUsage();
    for (let at = fromSecond * 16_000; at < toSecond * 16_000; at += 160)
      canceller?.process(near.subarray(at, at + 160), far.subarray(at, at + 160), 20);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e4 / (toSecond - fromSecond);
  };
  measure(0, 5);
  // The quietest of five: this machine may have other things to do.
  return Math.min(...[0, 1, 2, 3, 4].map((i) => measure(5 + 5 * i, 10 + 5 * i)));
}

/** Signal-to-noise ratio in dB with libopus and with our own concealment. */
interface Concealed {
  readonly native: number;
  readonly script: number;
}

/** What native/README.md says about the add-on. */
export interface NativeFigures {
  /** By room, in dB. */
  readonly echoLossDb: Readonly<Record<string, number>>;
  /** Correlation of a person who speaks at the same time with what is left of them. */
  readonly keptVoice: number;
  readonly cpuPercent: number;
  readonly snrDb: Readonly<Record<string, Concealed>>;
}

export async function measureFigures(): Promise<NativeFigures> {
  const rooms = {
    'as promised by the sound card': {},
    'echo louder than the person': { leak: 0.9 },
    'sound card 180 ms slower than it says': { outputLatencyMs: 220, claimedLatencyMs: 40 },
  };
  const echoLossDb: Record<string, number> = {};
  for (const [name, options] of Object.entries(rooms)) {
    echoLossDb[name] = erleDb(await playInRoom(10, options), 2, 10);
  }
  const said = speaking(4, 12, 0.35);
  const both = await playInRoom(12, { nearSpeech: said });
  return {
    echoLossDb,
    keptVoice: keptVoice(both.cleaned, said, 5, 11),
    cpuPercent: cancellerCpuPercent(),
    snrDb: {
      whole: { native: lossSnrDb(playNative, false), script: lossSnrDb(playTypeScript, false) },
      'in the lost packets': { native: lossSnrDb(playNative, true), script: lossSnrDb(playTypeScript, true) },
    },
  };
}
