import { afterEach, describe, expect, it } from 'vitest';
import { manners } from '../../src/demo-server/behaviour.ts';
import { MannerDevice, type MannerDeviceOptions } from '../support/manner-device.ts';

let device: MannerDevice;
afterEach(() => device?.stop());

async function start(options: MannerDeviceOptions): Promise<void> {
  device = await MannerDevice.start(options);
}

const type = (text: string) => device.harness.device.send({ type: 'text.submitted', text });
const finishedTurns = () =>
  device.harness.eventsOf('turn').filter(({ phase }) => phase === 'finished').length;

describe('the first text on a new connection', () => {
  // What comes by `detect` while nothing else goes on is answered without tools by a Java server, early or late.
  it.each(['plain', 'python', 'go'] as const)(
    'is answered with the tools of the device by a %s server',
    async (manner) => {
      await start({ manner, mode: 'auto' });
      type('call hush');
      await device.until(() => finishedTurns() === 1);
      expect(device.sentences("Without the device's tools").map(({ text }) => text)).toEqual([]);
      expect(device.sentences('I know no tool')).toEqual([]);
    },
  );
});

describe('a model that is slow', () => {
  it.each(manners)(
    'is waited for by the device of a %s server, however early the answer began',
    async (manner) => {
      await start({
        manner,
        mode: 'auto',
        thinkMs: 45_000,
        harness: { settings: { replyTimeoutMs: 60_000 } },
      });
      device.harness.device.send({ type: 'talk.toggled' });
      await device.until(() => device.harness.status === 'listening');
      await device.live(2_000, 'voice');
      await device.until(() => finishedTurns() === 1, 60_000);
      expect(device.harness.errors).toEqual([]);
      expect(device.harness.loudspeaker.heardMs()).toBeGreaterThan(1_500);
      await device.until(() => device.harness.status === 'listening');
    },
  );

  it.each(manners)('waits for a tool of the device; its answer is heard with a %s server', async (manner) => {
    await start({ manner, mode: 'auto', spokenCommand: 'call soup' });
    device.harness.device.send({ type: 'talk.toggled' });
    await device.until(() => device.harness.status === 'listening');
    await device.live(2_000, 'voice');
    await device.until(() => finishedTurns() === 1, 60_000);
    expect(device.sentences('Soup is served')).toHaveLength(1);
    expect(device.harness.errors).toEqual([]);
    expect(device.harness.loudspeaker.heardMs()).toBeGreaterThan(500);
  });
});

describe('what is said behind a typed text', () => {
  it.each(manners)('is heard whole by a %s server', async (manner) => {
    await start({ manner, mode: 'auto' });
    type('good morning, this is what I have typed');
    await device.until(() => finishedTurns() === 1);
    await device.live(1_500);
    device.harness.device.send({ type: 'talk.toggled' });
    await device.until(() => device.harness.status === 'listening');
    await device.live(3_000, 'voice');
    await device.until(() => device.heardSeconds().length === 1);
    expect(device.heardSeconds()[0]).toBeGreaterThanOrEqual(2.8);
  });
});

describe('a tool with an empty result', () => {
  it.each(manners)('leaves a %s server able to answer', async (manner) => {
    await start({ manner, mode: 'auto' });
    // The first text is not the one that is looked at.
    type('hello');
    await device.until(() => finishedTurns() === 1);
    type('call hush');
    await device.until(() => finishedTurns() === 2);
    type('are you there');
    await device.until(() => finishedTurns() === 3);
    expect(device.sentences('动作已取消')).toEqual([]);
    expect(device.sentences('are you there')).toHaveLength(1);
  });
});

describe('a conversation that was ended', () => {
  it.each(['java', 'go', 'python'] as const)(
    'does not open the microphone again, whatever a %s server does',
    async (manner) => {
      await start({ manner, mode: 'auto' });
      device.harness.device.send({ type: 'talk.toggled' });
      await device.until(() => device.harness.status === 'listening');
      device.harness.device.send({ type: 'talk.toggled' });
      await device.live(200_000);
      expect(device.harness.status).toBe('idle');
      expect(device.harness.microphone.open).toBe(false);
    },
  );
});
