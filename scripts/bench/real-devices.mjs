// The program as it is delivered with a microphone and a loudspeaker: software sound cards of a PulseAudio of their own.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { root } from '../bundle-options.mjs';
import { runFigure } from './child-processes.mjs';
import { cpuMsOf, rssMibOf, treeOf } from './process-tree.mjs';
import { wait } from './statistics.mjs';

const nsPerMs = 1e6;
/** Compiled, settled, and the first collection of garbage done. */
const warmUpMs = 12_000;
/** V8 gives memory back half a minute after the last activity, once; the hours behind it are without. */
const restMs = 40_000;
/** Between two words, so that one is not taken for the other. */
const pauseMs = 1_500;
/** Of 32 767: the cable is silent. */
const loud = 300;
const wavHeaderBytes = 44;

/** The environment of a program that is to hear and play there; they end with this process. */
export async function startSoundCards() {
  const { stdout } = await promisify(execFile)(`${root}scripts/virtual-audio`, ['--owner', `${process.pid}`]);
  const exported = [...stdout.matchAll(/^export (\w+)=(.*)$/gm)].map(([, name, value]) => [name, value]);
  const env = { ...process.env, ...Object.fromEntries(exported) };
  return { env, stop: () => process.kill(Number(env.VIRTUAL_AUDIO_PID), 'SIGTERM') };
}

/** @param options those of the command `run` */
function startDevice({ env, home, otaUrl }, options) {
  const devices = ['--server', otaUrl, '--mic', 'record:microphone', '--speaker', 'play:loudspeaker'];
  const child = spawn(process.execPath, [`${root}dist/main.js`, 'run', ...devices, ...options], {
    stdio: 'ignore',
    env: { ...env, XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, XDG_CACHE_HOME: home },
  });
  return endable(child);
}

function endable(child) {
  const ended = once(child, 'exit');
  return {
    pid: child.pid,
    child,
    async end() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Somebody who talks without end and without pauses into the microphone; they take what is louder than `loud`. */
async function startTalking({ env, speech, home }) {
  const wav = await readFile(speech);
  const samples = new Int16Array(
    wav.buffer,
    wav.byteOffset + wavHeaderBytes,
    (wav.length - wavHeaderBytes) >> 1,
  );
  const piece = 160;
  const pieces = Array.from({ length: Math.floor(samples.length / piece) }, (_, at) =>
    samples.subarray(at * piece, (at + 1) * piece),
  );
  const spoken = pieces.filter((one) => one.some((sample) => Math.abs(sample) > loud));
  const file = join(home, 'talk.raw');
  await writeFile(
    file,
    Buffer.concat(spoken.map((one) => Buffer.from(one.buffer, one.byteOffset, one.byteLength))),
  );
  const command = `while :; do cat '${file}'; done | pacat -d to_microphone --raw --format=s16le --rate=16000 --channels=1`;
  const child = spawn('sh', ['-c', command], { env, stdio: 'ignore', detached: true });
  return () => process.kill(-child.pid, 'SIGKILL');
}

/** Resolves with the moment, in ns, at which a bare recorder of the same microphone has the beginning of a word. */
async function nextSound({ env }) {
  const format = ['--raw', '--format=s16le', '--rate=16000', '--channels=1', '--latency-msec=5'];
  const ear = spawn('parec', ['--device=microphone', ...format], {
    env,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  const atNs = await new Promise((resolve) => {
    ear.stdout.on('data', (bytes) => {
      const samples = new Int16Array(
        bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + (bytes.length & ~1)),
      );
      if (samples.some((sample) => Math.abs(sample) > loud)) resolve(process.hrtime.bigint());
    });
  });
  ear.kill('SIGKILL');
  return atNs;
}

async function sayWord({ env, speech }) {
  const child = spawn('paplay', ['--device=to_microphone', speech], { env, stdio: 'ignore' });
  await once(child, 'exit');
}

async function slice(pids, sliceMs) {
  const startNs = process.hrtime.bigint();
  const before = cpuMsOf(pids);
  await wait(sliceMs);
  return (60_000 * (cpuMsOf(pids) - before)) / (Number(process.hrtime.bigint() - startNs) / nsPerMs);
}

/** CPU of a minute, and memory, of the device and of what it has started. */
async function use(place, options, { sliceMs, settleMs = warmUpMs }) {
  const device = startDevice(place, options);
  await wait(settleMs);
  const pids = treeOf(device.pid);
  const cpuMs = await slice(pids, sliceMs);
  const memoryMib = rssMibOf(pids);
  await device.end();
  return { cpuMs, memoryMib, processes: pids.length };
}

/** Opus at its pace, and the program that records or plays, with what the device asks of it. */
async function bareUse({ env, speech }, work, sliceMs) {
  const format = ['--raw', '--format=s16le', '--channels=1'];
  const [program, args] =
    work === 'listening'
      ? ['parec', ['--device=microphone', '--rate=16000', '--latency-msec=20']]
      : ['pacat', ['--device=loudspeaker', '--rate=24000', '--latency-msec=40']];
  const sound = spawn(program, [...format, ...args], {
    env,
    stdio: [work === 'speaking' ? 'pipe' : 'ignore', 'ignore', 'ignore'],
  });
  const codec = runFigure('bare-codec', { speech, work }, work === 'speaking' ? 'pipe' : 'ignore');
  if (work === 'speaking') codec.stdout.pipe(sound.stdin);
  await once(codec, 'message');
  await wait(warmUpMs);
  const cpuMs = await slice([codec.pid, sound.pid], sliceMs);
  codec.disconnect();
  sound.kill('SIGKILL');
  await Promise.all([once(sound, 'exit'), once(codec, 'exit')]);
  return cpuMs;
}

async function helloMs(place, nextHello) {
  const hello = nextHello();
  const startNs = process.hrtime.bigint();
  const device = startDevice(place, ['--start']);
  const atNs = await hello;
  await device.end();
  return Number(atNs - startNs) / nsPerMs;
}

async function nodeAloneMs() {
  const startNs = process.hrtime.bigint();
  await once(spawn(process.execPath, ['-e', '0'], { stdio: 'ignore' }), 'exit');
  return Number(process.hrtime.bigint() - startNs) / nsPerMs;
}

/** How much later than a bare recorder has it the device has done something about a sound at the server. */
async function reactionMs(place, next) {
  await wait(pauseMs);
  const [done, heard] = [next(), nextSound(place)];
  await wait(pauseMs);
  const said = sayWord(place);
  const [atNs, heardNs] = await Promise.all([done, heard]);
  await said;
  return Number(atNs - heardNs) / nsPerMs;
}

/** From words to their first packets. */
async function wordsMs(place, events, words, options) {
  const hello = events.hello();
  const device = startDevice(place, ['--mode', 'auto', '--start', ...options]);
  await hello;
  await wait(warmUpMs);
  const measured = [];
  for (let word = 0; word < words; word++) measured.push(await reactionMs(place, events.packet));
  await device.end();
  return measured;
}

/**
 * @param place `env` with the sound cards, `otaUrl`, `home`, `speech`
 * @param events `hello`, `packet`, `abort`: each resolves with when, in ns, the server next got one
 */
export async function measureRealDevices(place, events, { pairs, rounds, sliceMs, words }) {
  const measured = { node: [], start: [], listening: [], speaking: [], bareListening: [], bareSpeaking: [] };
  // Its end keeps what V8 has compiled (src/launch.ts).
  const rest = await use(place, [], { sliceMs: 2 * sliceMs, settleMs: restMs });
  for (let pair = 0; pair < pairs; pair++) {
    measured.node.push(await nodeAloneMs());
    measured.start.push(await helloMs(place, events.hello));
  }
  for (let round = 0; round < rounds; round++) {
    const stopTalking = await startTalking(place);
    measured.listening.push(await use(place, ['--mode', 'auto', '--start'], { sliceMs }));
    stopTalking();
    measured.bareListening.push(await bareUse(place, 'listening', sliceMs));
    measured.speaking.push(await use(place, ['--mode', 'auto', '--say', 'tell me all'], { sliceMs }));
    measured.bareSpeaking.push(await bareUse(place, 'speaking', sliceMs));
  }
  const syllable = await wordsMs(place, events, words, []);
  const shortFrames = await wordsMs(place, events, words, ['--set', 'audio.frameDurationMs=20']);
  const interrupted = [];
  for (let word = 0; word < words; word++) {
    const hello = events.hello();
    const speaking = startDevice(place, ['--mode', 'realtime', '--set', 'audio.aec=native', '--start']);
    await hello;
    await wait(4_000);
    interrupted.push(await reactionMs(place, events.abort));
    await speaking.end();
  }
  return { ...measured, rest, syllable, shortFrames, interrupted };
}
