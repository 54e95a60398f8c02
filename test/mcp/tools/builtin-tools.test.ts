import { describe, expect, it, vi } from 'vitest';
import type { CallReply } from '../../../src/mcp/dispatcher.ts';
import { createBuiltinTools } from '../../../src/mcp/tools/builtin-tools.ts';
import type { CameraParts } from '../../../src/mcp/tools/camera.ts';
import { createTimerRing } from '../../../src/mcp/tools/timer-ring.ts';
import type { DeviceControl, HardwareStatus } from '../../../src/ports/device-control.ts';
import { mcpParts, tool } from '../../support/mcp-parts.ts';

const origin = { channel: 'device' };
const ethernet = { type: 'ethernet', state: 'connected', ip: '192.0.2.7' } as const;

async function deviceWith(hardware: HardwareStatus = { network: ethernet }, camera?: CameraParts) {
  const parts = await mcpParts();
  const done: unknown[] = [];
  let volumePercent = 70;
  const device: DeviceControl = {
    volumePercent: () => volumePercent,
    setVolume: (percent) => {
      volumePercent = percent;
    },
    hardware: () => Promise.resolve(hardware),
    systemInfo: () => Promise.resolve('{"version":2}'),
    reboot: () => done.push('reboot'),
  };
  const clocks = { clock: parts.clock, time: parts.time };
  const tools = createBuiltinTools({
    device,
    tasks: parts,
    timers: { ...clocks, tasks: parts.tasks, ring: createTimerRing(clocks), channel: 'device' },
    camera,
  });
  parts.registry.publish({ source: 'builtin', name: 'device', position: 0 }, tools);
  const call = async (name: string, args = {}) => said(await parts.dispatcher.call(name, args, origin));
  return { ...parts, tools, call, done };
}

function said(reply: CallReply): string {
  if (reply.kind === 'failure') return `${reply.error.code}: ${reply.error.message}`;
  const block = reply.kind === 'content' ? reply.content[0] : undefined;
  return block?.type === 'text' ? block.text : reply.kind;
}

it('lists common tools first and tools for people last', async () => {
  const { tools } = await deviceWith();
  expect(tools.map(({ name, audience }) => `${name} ${audience}`)).toEqual([
    'self.get_device_status model',
    'self.audio_speaker.set_volume model',
    'self.tasks.list model',
    'self.tasks.read model',
    'self.tasks.cancel model',
    'self.timer.set model',
    'self.timer.list model',
    'self.timer.cancel model',
    'self.get_system_info user',
    'self.reboot user',
  ]);
});

it('tells the state of the device as the firmware does, and sets the volume', async () => {
  const { call } = await deviceWith();
  expect(await call('self.audio_speaker.set_volume', { volume: 35 })).toBe('true');
  expect(await call('self.get_device_status')).toBe(
    '{"audio_speaker":{"volume":35},"screen":{},"network":{"type":"ethernet","state":"connected","ip":"192.0.2.7"}}',
  );
});

it('adds what the hardware has', async () => {
  const { call } = await deviceWith({
    screen: { brightness: 50, theme: 'dark' },
    battery: { level: 80, charging: true },
    network: { type: 'wifi', signal: 'strong' },
    chipTemperature: 48.5,
  });
  expect(await call('self.get_device_status')).toBe(
    '{"audio_speaker":{"volume":70},"screen":{"brightness":50,"theme":"dark"},"battery":{"level":80,"charging":true},' +
      '"network":{"type":"wifi","signal":"strong"},"chip":{"temperature":48.5}}',
  );
});

it('tells about the system and restarts on demand', async () => {
  const { call, done } = await deviceWith();
  expect(await call('self.get_system_info')).toBe('{"version":2}');
  expect(await call('self.reboot')).toBe('true');
  expect(done).toEqual(['reboot']);
});

describe('the camera', () => {
  const jpeg = new Uint8Array([0xff, 0xd8, 0xff]);

  it('asks the service of the server and passes its words on unchanged', async () => {
    const explain = vi.fn(() => Promise.resolve('{"action":"RESPONSE","response":"a cat"}'));
    const { call } = await deviceWith(undefined, {
      camera: { capturePhoto: () => Promise.resolve(jpeg) },
      vision: { explain },
      endpoint: () => ({ url: 'http://v', token: 't' }),
    });
    expect(await call('self.camera.take_photo', { question: 'What is it?' })).toBe(
      '{"action":"RESPONSE","response":"a cat"}',
    );
    expect(explain).toHaveBeenCalledWith(
      { url: 'http://v', token: 't', jpeg, question: 'What is it?' },
      expect.any(AbortSignal),
    );
  });

  it('says so when the server has no such service', async () => {
    const never = () => Promise.reject(new Error('not to be called'));
    const { call } = await deviceWith(undefined, {
      camera: { capturePhoto: never },
      vision: { explain: never },
      endpoint: () => undefined,
    });
    expect(await call('self.camera.take_photo', { question: '?' })).toBe(
      'TOOL_FAILED: Image explain URL or token is not set',
    );
  });
});

describe('self.tasks', () => {
  it('lists the newest task first and reads a result to its end, which counts as told', async () => {
    const { call, registry, tasks, mail } = await deviceWith();
    const long = `${'天气'.repeat(300)}.`;
    const run = () => Promise.resolve({ kind: 'text', text: long } as const);
    registry.publish({ source: 'custom', name: 'c', position: 0 }, [
      tool({ name: 'job', mode: 'background', run }),
    ]);
    await call('job', { n: 1 });
    await vi.waitFor(() => expect(mail).toHaveLength(1));
    await call('job', { n: 2 });
    await vi.waitFor(() => expect(mail).toHaveLength(2));
    expect(JSON.parse(await call('self.tasks.list'))).toEqual(
      ['t2', 't1'].map((task_id) => ({
        task_id,
        tool: 'job',
        state: 'done',
        started: '2026-01-01T00:00:00.000Z',
      })),
    );
    const first = JSON.parse(await call('self.tasks.read', { task_id: 't1' }));
    expect(first).toEqual({
      task_id: 't1',
      state: 'done',
      text: '天气'.repeat(150),
      next_offset: 900,
      total: 1801,
    });
    expect(tasks.get('t1')?.deliveredAtMs).toBeUndefined();
    const second = JSON.parse(await call('self.tasks.read', { task_id: 't1', offset: 900 }));
    const third = JSON.parse(await call('self.tasks.read', { task_id: 't1', offset: second.next_offset }));
    expect(first.text + second.text + third.text).toBe(long);
    expect(third).not.toHaveProperty('next_offset');
    expect(tasks.get('t1')?.deliveredAtMs).toBeDefined();
  });

  it('reads the rest of a long answer that was no task', async () => {
    const { call, registry } = await deviceWith();
    const run = () => Promise.resolve({ kind: 'text', text: `${'x'.repeat(1500)}end` } as const);
    registry.publish({ source: 'custom', name: 'c', position: 0 }, [tool({ name: 'long', run })]);
    const pointer = /self\.tasks\.read (\{.*\})\]$/.exec(await call('long'))?.[1] ?? '{}';
    expect(JSON.parse(await call('self.tasks.read', JSON.parse(pointer)))).toEqual({
      task_id: 'r1',
      text: expect.stringMatching(/^x+end$/),
    });
  });

  it('cancels a running task and knows no others', async () => {
    const { call, registry, tasks } = await deviceWith();
    const run = (_args: object, { signal }: { signal: AbortSignal }) =>
      new Promise<never>((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    registry.publish({ source: 'custom', name: 'c', position: 0 }, [
      tool({ name: 'job', mode: 'background', run }),
    ]);
    await call('job');
    expect(await call('self.tasks.cancel', { task_id: 't1' })).toBe('true');
    await vi.waitFor(() => expect(tasks.get('t1')?.state).toBe('cancelled'));
    expect(await call('self.tasks.cancel', { task_id: 't1' })).toBe('false');
    expect(await call('self.tasks.read', { task_id: 'x9' })).toBe(
      'TOOL_ARGUMENTS_INVALID: There is no task x9; self.tasks.list tells which there are.',
    );
  });
});
