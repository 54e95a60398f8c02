import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { createPcmReader } from '../../src/adapters/audio/pcm-bytes.ts';
import { loadOpusCodec } from '../../src/app-codec.ts';
import { answerPackets } from '../support/device-harness.ts';
import { buildProgram, cleanUpPrograms, type Program, startProgram } from '../support/program.ts';
import { type Peer, startScriptedServer } from '../support/scripted-server.ts';
import { concat, tone, toneLevelDb } from '../support/signals.ts';
import { skipped } from '../support/skipped.ts';
import { playInto, plugIn, type SoundEnv, soundPlace, soundServers } from '../support/sound-servers.ts';
import { wait } from './sound.ts';

const rate = 16_000;
const voiceHz = 500;
const answerHz = 440;
const answer = answerPackets(2_000, answerHz);
const codec = await loadOpusCodec();

beforeAll(buildProgram, 120_000);
afterAll(cleanUpPrograms);

/** A chat server that takes its time, answers who is heard, and speaks of what it is asked. */
async function startServer() {
  const plan = { helloMs: 0, thinkMs: 0 };
  let heardVoice = 0;
  const server = await startScriptedServer({
    onPeer: (peer) => {
      const decoder = codec.createDecoder(rate);
      let quiet = true;
      peer.socket.on('message', (data, isBinary) => {
        if (!isBinary) return;
        const isLoud = toneLevelDb(decoder.decode(data as Buffer), voiceHz, rate) > -40;
        if (isLoud) heardVoice += 1;
        // Somebody begins to speak: half a second later that was a question.
        if (isLoud && quiet) setTimeout(() => void reply(peer, plan.thinkMs), 500);
        quiet &&= !isLoud;
      });
    },
    onText: (peer, text) => {
      const { type, state } = JSON.parse(text) as { type: string; state?: string };
      if (type === 'hello') setTimeout(() => peer.send(hello), plan.helloMs);
      if (state === 'detect') void reply(peer, plan.thinkMs);
    },
  });
  onTestFinished(() => server.stop());
  return { plan, url: server.url, peers: server.peers, heardVoice: () => heardVoice };
}

const hello = {
  type: 'hello',
  transport: 'websocket',
  session_id: 's',
  audio_params: { sample_rate: 24_000 },
};

async function reply(peer: Peer, thinkMs: number): Promise<void> {
  peer.send({ type: 'stt', text: 'heard' });
  await wait(thinkMs);
  peer.send({ type: 'tts', state: 'start' });
  for (const packet of answer) {
    peer.socket.send(packet);
    await wait(55);
  }
  peer.send({ type: 'tts', state: 'stop' });
}

/** A private server with one microphone and one loudspeaker, which can be killed and come back as after a crash. */
async function soundServer() {
  const place = await soundPlace();
  let mouth: ReturnType<typeof playInto> | undefined;
  const start = async () => {
    const server = await place.start('PulseAudio');
    await place.pactl('load-module', 'module-null-sink', 'sink_name=hdmi', 'norewinds=1');
    await place.pactl('set-default-sink', 'hdmi');
    await plugIn(place.pactl, 'usb');
    await place.pactl('set-default-source', 'usb');
    return server;
  };
  let server = await start();
  return {
    env: place.env,
    crash: async () => {
      await server.kill();
      mouth?.stop();
      mouth = undefined;
      await wait(500);
      server = await start();
    },
    speak: () => {
      mouth = playInto('to_usb', tone(voiceHz, rate, 1000), 1, 'mono', place.env);
    },
    fallSilent: () => {
      mouth?.stop();
      mouth = undefined;
    },
  };
}

/** Resolves when the answer of the server is heard at the loudspeaker. */
async function answerIsHeard(env: SoundEnv): Promise<void> {
  const ear = spawn(
    'parec',
    ['-d', 'hdmi.monitor', '--raw', '--format=s16le', `--rate=${rate}`, '--channels=1'],
    {
      env,
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  );
  onTestFinished(() => void ear.kill('SIGKILL'));
  let pieces: Int16Array[] = [];
  await new Promise<void>((resolve) => {
    const read = createPcmReader((pcm) => {
      pieces = [...pieces, pcm.slice()].slice(-30);
      const last = concat(pieces).subarray(-rate / 5);
      if (last.length > 0 && toneLevelDb(last, answerHz, rate) > -40) resolve();
    });
    ear.stdout.on('data', read);
  });
  ear.kill('SIGKILL');
}

type Server = Awaited<ReturnType<typeof startServer>>;
type Sound = Awaited<ReturnType<typeof soundServer>>;

interface Moment {
  readonly before?: (server: Server) => void;
  readonly say?: string;
  readonly speaks?: boolean;
  readonly comes: (device: Program) => boolean;
  /** What goes on over the crash. */
  readonly after: (device: Program, server: Server, sound: Sound) => Promise<void>;
}

const was = (device: Program, state: string) => device.eventsOf('state').some(({ to }) => to === state);
const isNow = (device: Program, state: string) => device.eventsOf('state').at(-1)?.to === state;
const drained = (device: Program) => device.eventsOf('playback').some(({ phase }) => phase === 'drained');

const moments: Readonly<Record<string, Moment>> = {
  idle: { comes: (device) => isNow(device, 'idle'), after: () => Promise.resolve() },
  connecting: {
    before: ({ plan }) => {
      plan.helloMs = 2_500;
    },
    say: 'talk',
    comes: (device) => isNow(device, 'connecting'),
    after: async (device, { heardVoice }, { speak }) => {
      await device.until(() => isNow(device, 'listening'));
      speak();
      await device.until(() => heardVoice() > 0);
    },
  },
  listening: {
    say: 'talk',
    comes: (device) => isNow(device, 'listening'),
    after: async (device, { heardVoice }, { speak }) => {
      expect(isNow(device, 'listening')).toBe(true);
      speak();
      await device.until(() => heardVoice() > 0);
    },
  },
  thinking: {
    before: ({ plan }) => {
      plan.thinkMs = 4_000;
    },
    say: 'talk',
    speaks: true,
    comes: (device) => isNow(device, 'thinking'),
    after: async (device, _, { env }) => {
      await answerIsHeard(env);
      await device.until(() => drained(device));
    },
  },
  speaking: {
    say: 'talk',
    speaks: true,
    comes: (device) => device.eventsOf('playback').length > 0,
    after: (device) => device.until(() => drained(device)),
  },
  telling: {
    say: 'say --notice The tea is ready.',
    comes: (device) => device.eventsOf('playback').length > 0,
    after: (device) =>
      device.until(() => device.eventsOf('announcement').some(({ phase }) => phase === 'spoken')),
  },
};

describe.skipIf(soundServers.PulseAudio !== undefined)(
  `a sound server that crashes and comes back${skipped(soundServers.PulseAudio)}`,
  { retry: 2, timeout: 90_000 },
  () => {
    test.each(Object.keys(moments))('while the device is %s harms no conversation', async (name) => {
      const { before, say, speaks, comes, after } = moments[name] as Moment;
      const [server, sound] = await Promise.all([startServer(), soundServer()]);
      const device = startProgram(['--server', server.url, '--events', '-', '--set', 'cues.enabled=false'], {
        env: Object.fromEntries(
          Object.entries(sound.env).filter(([key]) => /^(XDG_RUNTIME_DIR|ALSA_CONFIG_PATH)$/.test(key)),
        ) as Record<string, string>,
      });
      onTestFinished(() => void device.child.kill('SIGKILL'));
      await device.until(() => was(device, 'idle'));
      before?.(server);
      if (say) device.child.stdin.write(`${say}\n`);
      if (speaks) {
        await device.until(() => isNow(device, 'listening'));
        sound.speak();
      }
      await device.until(() => comes(device));
      await sound.crash();
      await after(device, server, sound);
      // Nobody had to connect anew for it.
      expect(server.peers.length).toBe(name === 'idle' ? 0 : 1);
      sound.fallSilent();
      server.plan.thinkMs = 0;
      device.child.stdin.write('hangup\n');
      await device.until(() => isNow(device, 'idle'));
      // Both devices are back.
      const heardBefore = server.heardVoice();
      device.child.stdin.write('talk\n');
      await device.until(() => isNow(device, 'listening'));
      sound.speak();
      await answerIsHeard(sound.env);
      expect(server.heardVoice()).toBeGreaterThan(heardBefore);
      device.child.kill('SIGTERM');
      expect(await device.exited).toBe(143);
    });
  },
);
