import { join } from 'node:path';
import { afterAll, beforeAll, type TestContext, test, vi } from 'vitest';
import { createControlClient } from '../../src/adapters/control/control-client.ts';
import { hasNotes } from '../support/heard-notes.ts';
import { buildProgram, cleanUpPrograms, fixture, freshHome, startProgram } from '../support/program.ts';
import { startScriptedServer } from '../support/scripted-server.ts';

beforeAll(buildProgram, 120_000);
afterAll(cleanUpPrograms);

const ring = [1319, 1047, 1319, 1047];
const hello = { type: 'hello', transport: 'websocket', session_id: 's' };
const seconds = 3;

/** A device whose server has said hello and nothing else since, with a timer that is due in three seconds. */
async function startWithTimer({ onTestFinished }: TestContext) {
  const server = await startScriptedServer({
    onText: (peer, text) => {
      if (text.includes('"hello"')) peer.send(hello);
    },
  });
  onTestFinished(() => server.stop());
  const home = freshHome();
  const heard = join(home, 'heard.wav');
  const args = ['--server', server.url, '--mic', `wav:${fixture('speech-short.wav')}`];
  // The shortest way to words of its own, so that nobody waits for minutes.
  const soon = ['announcements.strategies=["detect","local"]', 'announcements.triesPerStrategy=1'];
  const device = startProgram(
    [...args, '--speaker', `wav:${heard}`, '--events', '-', ...soon.flatMap((one) => ['--set', one])],
    { home, env: { PATH: '/nowhere' } },
  );
  await device.until(() => device.eventsOf('state').some(({ to }) => to === 'idle'));
  const socket = join(home, 'state/xiaozhi-speaker/control.sock');
  const { ask } = createControlClient(socket);
  await vi.waitFor(() => ask('GET', '/v1/status'), { timeout: 10_000, interval: 50 });
  await ask('POST', '/v1/tools/self.timer.set/call', { args: { name: 'tea', seconds } });
  const setMs = performance.now();
  const untilMs = (ms: number) => device.until(() => performance.now() - setMs > ms);
  return { device, heard, untilMs };
}

test.concurrent.for([
  ['nobody talks', undefined],
  ['a question is not answered', 'say are you there'],
  ['the person is listened to', 'talk'],
] as const)(
  'a timer that is due rings at once while the server is silent and %s',
  async ([, said], context) => {
    const { expect } = context;
    const { device, heard, untilMs } = await startWithTimer(context);
    if (said) device.child.stdin.write(`${said}\n`);
    // A second after it was due, and long before the server is given up.
    await untilMs(seconds * 1000 + 1_000);
    expect(device.eventsOf('announcement').map(({ phase }) => phase)).not.toContain('spoken');
    device.child.kill('SIGTERM');
    await device.exited;
    expect(hasNotes(heard, ...ring)).toBe(true);
  },
);

test.concurrent('… and is told as soon as the server has been given up', {
  timeout: 90_000,
}, async (context) => {
  const { expect } = context;
  const { device } = await startWithTimer(context);
  await device.until(() => device.eventsOf('announcement').some(({ phase }) => phase === 'spoken'));
  const told = device.eventsOf('announcement').find(({ phase }) => phase === 'spoken');
  expect(told).toMatchObject({ strategy: 'local' });
  expect(device.eventsOf('alert').map(({ message }) => message)).toEqual([expect.stringContaining('tea')]);
});
