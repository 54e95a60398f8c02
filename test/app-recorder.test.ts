import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createWavLoudspeaker } from '../src/adapters/audio/loudspeaker-wav.ts';
import { createPacer } from '../src/adapters/audio/pacer.ts';
import { readWavFile } from '../src/adapters/audio/wav-file.ts';
import { loadOpusCodec } from '../src/app-codec.ts';
import { createRecorder, type RecordedSound } from '../src/app-recorder.ts';
import { loadConfig } from '../src/config/load.ts';
import { createRecorderTools } from '../src/mcp/tools/recorder.ts';
import type { StatusEvent } from '../src/ports/status-display.ts';
import { FakeMicrophone } from './support/fake-microphone.ts';
import { mcpParts } from './support/mcp-parts.ts';
import { readOgg } from './support/ogg.ts';

const codec = await loadOpusCodec();
const RATE_HZ = 16_000;

let home: string;
let sound: RecordedSound | undefined;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'recorder-'));
});
afterEach(async () => {
  await sound?.close();
  await rm(home, { recursive: true });
});

/** A device with a configuration as in the guide, whose tools are called as a server does it. */
async function deviceWith(configuration = '{}') {
  const parts = await mcpParts();
  const { clock } = parts;
  const microphone = new FakeMicrophone(RATE_HZ);
  const events: StatusEvent[] = [];
  const configFile = join(home, 'config.json');
  await writeFile(configFile, configuration);
  const { config } = await loadConfig({ configFile, overrides: [], env: { HOME: home } });
  const made = createRecorder({
    config,
    stateDirectory: join(home, 'state'),
    // A sound server that nobody asks.
    env: { HOME: home, PATH: process.env.PATH, PULSE_SERVER: 'unix:/nowhere' },
    clock,
    codec,
    display: { show: (event) => events.push(event) },
    microphone,
    loudspeaker: createWavLoudspeaker(join(home, 'out.wav'), { pacer: createPacer(clock, 60) }),
  });
  sound = made;
  parts.registry.publish(
    { source: 'builtin', name: 'device', position: 0 },
    createRecorderTools(made.recorder),
  );
  const call = async (name: string, args = {}) => {
    const reply = await parts.dispatcher.call(name, args, { channel: 'device' });
    if (reply.kind === 'failure') return `${reply.error.code}: ${reply.error.message}`;
    const block = reply.kind === 'content' ? reply.content[0] : undefined;
    return block?.type === 'text' && /^[[{]/.test(block.text) ? JSON.parse(block.text) : block;
  };
  return { ...parts, ...made, device: microphone, events, call };
}

const second = (value = 1000) => new Int16Array(RATE_HZ).fill(value);

test('a conversation and two recordings share a microphone that can be opened once', async () => {
  const { microphone, device, call, events } = await deviceWith();
  let heard = 0;
  await microphone.start({
    onChunk: (pcm) => {
      heard += pcm.length;
    },
    onError: () => {},
  });
  expect(await call('self.recorder.start', { source: 'microphone', id: 'meeting' })).toEqual({
    id: 'meeting',
    source: 'microphone',
    hears: 'microphone fake',
    file: expect.stringMatching(/state\/recordings\/\d{4}-.*-microphone-meeting\.wav$/),
    seconds: 0,
  });
  device.hear(second());
  await call('self.recorder.start', { source: 'microphone' });
  device.hear(second());
  const status = await call('self.recorder.status');
  expect(status.running.map(({ id, seconds }: { id: string; seconds: number }) => [id, seconds])).toEqual([
    ['meeting', 2],
    ['1', 1],
  ]);
  const [meeting, other] = await call('self.recorder.stop');
  expect([meeting.seconds, other.seconds, heard / RATE_HZ, device.log]).toEqual([2, 1, 2, ['start']]);
  const told = events.map((event) =>
    event.type === 'recording' ? `${event.id} ${event.phase}` : event.type,
  );
  expect(told.sort()).toEqual(['1 started', '1 stopped', 'meeting started', 'meeting stopped']);
});

test('with a file as loudspeaker "system" is what this device plays, and the reply says so', async () => {
  const { clock, loudspeaker, call } = await deviceWith();
  await loudspeaker.start(() => {});
  const { file, hears } = await call('self.recorder.start', { source: 'system' });
  expect(hears).toBe(`what this device plays (wav:${join(home, 'out.wav')})`);
  await clock.advanceAsync(600);
  void loudspeaker.write(new Int16Array(24 * 60).fill(1000));
  await clock.advanceAsync(600);
  await call('self.recorder.stop');
  const { pcm, sampleRateHz } = await readWavFile(file);
  expect({
    ms: pcm.length / 24,
    loud: pcm.filter((one) => one === 1000).length / 24,
    at: pcm.indexOf(1000) / 24,
    sampleRateHz,
  }).toEqual({ ms: 1200, loud: 60, at: 600, sampleRateHz: 24_000 });
  await loudspeaker.stop();
});

test('the configuration of the guide keeps Ogg files where it says', async () => {
  const guide = await readFile(new URL('../config/RECORDINGS.md', import.meta.url), 'utf8');
  const example = /```json\n([\s\S]*?)```/.exec(guide)?.[1] ?? '';
  const { device, call } = await deviceWith(example);
  const { file } = await call('self.recorder.start', { source: 'microphone', id: 'memo' });
  expect(file).toMatch(new RegExp(`^${home}/Recordings/.*-microphone-memo\\.ogg$`));
  device.hear(second());
  await call('self.recorder.stop', { id: 'memo' });
  expect(readOgg(await readFile(file)).at(-1)?.granule).toBe(48_000 + 312);
});

test('what cannot be done is said in a sentence', async () => {
  const { call } = await deviceWith();
  expect(await call('self.recorder.start', { source: 'radio' })).toBe(
    'TOOL_ARGUMENTS_INVALID: There is no source radio; choose microphone or system.',
  );
  expect(await call('self.recorder.stop', { id: 'memo' })).toBe('NOT_FOUND: Nothing is being recorded.');
});

test('nothing is opened and no directory made before somebody records', async () => {
  const { device, call } = await deviceWith();
  const directory = join(home, 'state/recordings');
  expect(await call('self.recorder.status')).toEqual({ running: [], newest: [], files: 0, directory });
  expect(device.log).toEqual([]);
});

test('the device closes its files when it ends', async () => {
  const { device, call, close } = await deviceWith();
  const { file } = await call('self.recorder.start', { source: 'microphone' });
  device.hear(second());
  await close();
  expect((await readWavFile(file)).pcm.length).toBe(RATE_HZ);
  expect(device.isOpen).toBe(false);
});
