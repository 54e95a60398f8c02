import { practice } from './practice-plan.mjs';
import { wait } from './statistics.mjs';

/**
 * V8 compiles a function when it has run some thousand times, for minutes at 17 frames a second. A conversation in fast
 * time gets that over with, so that what is measured is any minute of a long conversation and not the first.
 * `device`: one that has been started, in mode `realtime`. `setSpeed`: lets time run faster, at both ends.
 */
export async function practise({ converse, hangUp }, setSpeed) {
  await setSpeed(practice.speed);
  for (let i = 0; i < practice.conversations; i++) {
    await converse();
    await wait(practice.conversationMs);
    await hangUp();
  }
  await setSpeed(1);
  await wait(practice.settleMs);
}
