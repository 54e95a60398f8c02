import { entersState, fastClock, openDevice } from './device.mjs';
import { practiceSpeed } from './practice-speed.mjs';
import { wait } from './statistics.mjs';

/**
 * V8 compiles a function when it has run some thousand times, for minutes at 17 frames a second. A conversation in fast
 * time gets that over with, so that what is measured is any minute of a long conversation and not the first.
 */
const practice = { speed: practiceSpeed, conversations: 4, conversationMs: 5_000, settleMs: 10_000 };

/** `websocketUrl`: a far end in time of `practiceSpeed`. `recording`: a WAV file for the microphone. */
export async function practise({ websocketUrl, recording, directory }) {
  for (let i = 0; i < practice.conversations; i++) {
    const { device, until, close } = await openDevice({
      websocketUrl,
      microphone: `wav:${recording}`,
      mode: 'realtime',
      stateDirectory: directory,
      clock: fastClock(practice.speed),
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
  await wait(practice.settleMs);
}
