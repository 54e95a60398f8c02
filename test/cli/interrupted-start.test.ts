import { access, chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { CommandAction } from '../../src/cli/context.ts';
import { doctorAction } from '../../src/cli/doctor.ts';
import { runAction as runDevice } from '../../src/cli/run.ts';
import type { RunOptions } from '../../src/config/options.ts';
import { runActionToTheEnd } from '../support/cli-run.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'interrupted-'));
});
afterEach(() => rm(home, { recursive: true }));

/** Ctrl-C while the sound server is asked, which Ctrl-C ends, too. */
async function interrupted(action: CommandAction<RunOptions>) {
  await writeFile(join(home, 'pactl'), `#!/bin/sh\n: > ${home}/asked\nsleep 0.2\nexit 1\n`);
  await chmod(join(home, 'pactl'), 0o755);
  const env = { XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, PATH: `${home}:/usr/bin:/bin` };
  const options: RunOptions = { set: ['audio.aec=system'], turns: '1', events: '-' };
  const stop = new AbortController();
  const ending = runActionToTheEnd(action, options, env, stop.signal);
  await vi.waitFor(() => access(join(home, 'asked')));
  stop.abort();
  return await ending;
}

test('a device that is stopped while it looks for its parts ends without an error', async () => {
  const { code, stdout } = await interrupted(runDevice);
  expect([code, stdout]).toEqual([0, '']);
});

test('a report that is broken off says nothing of what it was about to ask', async () => {
  const { stdout } = await interrupted(doctorAction);
  expect(stdout).not.toContain('✗');
});
