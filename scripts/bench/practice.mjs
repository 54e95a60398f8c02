import { entersState, openDevice } from './device.mjs';
import { practice } from './practice-plan.mjs';
import { wait } from './statistics.mjs';

/**
 * V8 compiles a function when it has run some thousand times, for minutes at 17 frames a second. A conversation in fast
 * time gets that over with, so that what is measured is any minute of a long conversation and not the first.
 * `websocketUrl`: a far end in time of `practice.speed`. `recording`: a WAV file for the microphone. `clock`: adjustable;
 * afterwards it runs at its own speed again.
 */
export async function practise({ websocketUrl, recording, directory, clock }) {
  clock.setSpeed(practice.speed);
  for (let i = 0; i < practice.conversations; i++) {
    const { device, until, close } = await openDevice({
      websocketUrl,
      microphone: `wav:${recording}`,
      mode: 'realtime',
      stateDirectory: directory,
      clock,
    });
    const idle = until(entersState('idle'));
    device.start();
    await idle;
    const speaking = until(entersState('speaking'));
    device.send({ type: 'talk.toggled' });
    await speaking;
    await wait(practice.conversationMs);
    await close();
  }
  clock.setSpeed(1);
  await wait(practice.settleMs);
}
