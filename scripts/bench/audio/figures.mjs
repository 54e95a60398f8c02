import { measureLoudspeakers, measureMicrophones } from './devices.mjs';
import { measureEchoHours, measurePlaybackHours } from './hours.mjs';
import { measureLeakingCable } from './leaking-cable.mjs';
import { measureCanceller, measureInterrupting } from './simulated-room.mjs';

/** Those in real time first, while the machine is cool. Each gives rows; `long`: as long as the promise says. */
export const figures = {
  loudspeakers: ({ long }) => measureLoudspeakers({ toneSeconds: long ? 600 : 60 }),
  microphones: ({ long }) => measureMicrophones({ toneSeconds: long ? 600 : 60 }),
  leakingCable: ({ long }) =>
    measureLeakingCable({ trials: long ? 100 : 10, falseAlarmSeconds: long ? 600 : 60 }),
  canceller: () => measureCanceller(),
  interrupting: ({ long }) =>
    measureInterrupting({ answers: long ? 100 : 20, falseAlarmSeconds: long ? 600 : 120 }),
  playbackHours: ({ long }) => measurePlaybackHours({ hours: long ? 8 : 1 }),
  echoHours: ({ long }) => measureEchoHours({ hours: long ? 8 : 1 }),
};
