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

/** The figures of native/README.md: name, value, unit, and what was promised. */
export async function measureFigures(): Promise<readonly (readonly string[])[]> {
  const alone = await playInRoom(10, {});
  const loud = await playInRoom(10, { leak: 0.9 });
  const late = await playInRoom(10, { outputLatencyMs: 220, claimedLatencyMs: 40 });
  const said = speaking(4, 12, 0.35);
  const both = await playInRoom(12, { nearSpeech: said });
  const dB = (value: number) => `${value.toFixed(1)} dB`;
  return [
    ['echo loss after 2 s', dB(erleDb(alone, 2, 10)), '≥ 20 dB'],
    ['… echo louder than the person', dB(erleDb(loud, 2, 10)), '≥ 20 dB'],
    ['… sound card 180 ms slower than it says', dB(erleDb(late, 2, 10)), '≥ 20 dB'],
    [
      'correlation of a person who speaks at the same time',
      keptVoice(both.cleaned, said, 5, 11).toFixed(2),
      '≥ 0.85',
    ],
    [
      'CPU of cancelling and noise suppression, 16 kHz',
      `${cancellerCpuPercent().toFixed(2)} %`,
      '≤ 1 % of a core',
    ],
    ['segmental SNR at 10 % loss: libopus', dB(lossSnrDb(playNative, false)), ''],
    ['segmental SNR at 10 % loss: TypeScript', dB(lossSnrDb(playTypeScript, false)), 'less than libopus'],
    ['… in the lost packets: libopus', dB(lossSnrDb(playNative, true)), ''],
    ['… in the lost packets: TypeScript', dB(lossSnrDb(playTypeScript, true)), 'less than libopus'],
  ];
}
