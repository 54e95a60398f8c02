import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { readWavFile } from '../../src/adapters/audio/wav-file.ts';
import { buildProgram, cleanUpPrograms, freshHome, startProgram } from '../support/program.ts';

beforeAll(buildProgram);
afterAll(cleanUpPrograms);

/** The middle row of the table in src/audio/README.md; `npm run bench:network -- --only conversation` has 20 turns. */
const middleRow = 'loss=10%,jitter=40ms,reorder=5%,dup=2%,seed=1';
const turns = ['one', 'two', 'three'];
const frameMs = 60;

/** Text turns over MQTT and UDP, with a file as loudspeaker. */
async function converse(...args: string[]) {
  const home = freshHome();
  const out = join(home, 'out.wav');
  const program = startProgram(
    [
      '--transport',
      'mqtt',
      '--mic',
      'null',
      '--speaker',
      `wav:${out}`,
      '--events',
      '-',
      '--timeout',
      '50',
      '--turns',
      `${turns.length}`,
      ...turns.flatMap((text) => ['--say', text]),
      ...args,
    ],
    { home },
  );
  const code = await program.exited;
  const { pcm } = await readWavFile(out);
  const [session] = program.eventsOf('session');
  const { downlink } = program.eventsOf('audio').at(-1) as unknown as { downlink: Record<string, number> };
  const phases = program.eventsOf('playback').map(({ phase }) => phase);
  return { code, pcm, downlink, phases, transport: session?.transport };
}

describe('a conversation over MQTT and UDP through a bad network', { timeout: 60_000 }, () => {
  it('is finished with every answer complete: what is lost is made up, nothing is cut', async ({
    expect,
  }) => {
    const [perfect, bad] = await Promise.all([converse(), converse('--impair', middleRow)]);
    for (const { code, transport, phases } of [perfect, bad]) {
      expect([code, transport]).toEqual([0, 'mqtt']);
      expect(phases).toEqual(turns.flatMap(() => ['started', 'drained']));
    }
    const sent = perfect.downlink.played as number;
    expect(perfect.downlink).toMatchObject({ received: sent, late: 0, dropped: 0 });
    const { played = 0, concealed = 0, late = 0, received = 0 } = bad.downlink;
    expect(received).toBeLessThan(sent);
    // Nobody misses what was lost at the very end of an answer.
    expect(sent - played - concealed - late).toBeLessThanOrEqual(2 * turns.length);
    expect(bad.pcm.length / 24).toBeGreaterThanOrEqual((sent - 2 * turns.length) * frameMs);
  });
});
