import type { Socket } from 'node:net';
import type { Writable } from 'node:stream';

/** What the helper process is asked to do; travels as JSON. */
export interface SoundHelperOptions {
  readonly kind: 'speaker' | 'portaudio-output' | 'portaudio-input';
  /** Entry file of the package. */
  readonly packagePath: string;
  /** Entry file of the package's own crash handler, which is left out: it writes into the working directory. */
  readonly crashHandlerPath?: string | undefined;
  /** PortAudio: number or part of a name; speaker: ALSA name. Undefined is the default. */
  readonly device?: string | undefined;
  readonly sampleRateHz: number;
  /** Stands where the length of a piece would, and means: forget what has not been played. */
  readonly flushMark: number;
}

/** What the helper process says, once or more. After `failed` it ends. */
export type SoundHelperMessage =
  | { readonly ready: { readonly sampleRateHz: number; readonly channels?: number } }
  | { readonly failed: string };

/**
 * The whole program of the helper process, which owns a sound package: those packages print to standard output, block
 * threads and end the process when a library below them asserts. It is handed over as text, so that there is one file to
 * install, and therefore uses nothing but its arguments and Node's globals.
 *
 * Output: pieces of mono 16-bit PCM on descriptor 3, each after its length. Input: PCM of all channels, without lengths, on 3.
 */
export function soundHelperProgram(load: NodeJS.Require, options: SoundHelperOptions): void {
  const { flushMark } = options;
  const maxQueuedSeconds = 2;
  const periodMs = 10;
  /** A device that says it has more is a plug-in of ALSA, which makes as many of what there is as anybody wants. */
  const maxOwnChannels = 16;
  /** Two periods wait in the package and more than two in PortAudio, which counts its buffers in periods, too. */
  const outputPeriodMs = 7;
  const stuckMs = 1_000;
  const net = load('node:net') as typeof import('node:net');
  let over = false;

  process.on('disconnect', die);
  process.on('uncaughtException', fail);
  try {
    run();
  } catch (error) {
    fail(error);
  }

  function run(): void {
    if (options.crashHandlerPath !== undefined) {
      load.cache[options.crashHandlerPath] = { exports: { registerHandler: () => {} } } as NodeJS.Module;
    }
    if (options.kind === 'speaker') runSpeaker();
    else if (options.kind === 'portaudio-output') runPortAudioOutput();
    else runPortAudioInput();
  }

  function tell(message: SoundHelperMessage, then: () => void = () => {}): void {
    if (process.connected) process.send?.(message, undefined, undefined, then);
    else then();
  }

  function fail(error: unknown): void {
    if (over) return;
    over = true;
    tell({ failed: error instanceof Error ? error.message : String(error) }, die);
  }

  /** Not `exit`, which waits for sound libraries to clean up; one whose server is gone waits for ever. */
  function die(): void {
    process.kill(process.pid, 'SIGKILL');
  }

  /** Cuts what comes on descriptor 3 into pieces and flushes. */
  function readPieces(onPiece: (pcm: Buffer) => void, onFlush: () => void, onEnd: () => void): void {
    let waiting = Buffer.alloc(0);
    const input = new net.Socket({ fd: 3, readable: true, writable: false });
    input.on('data', (bytes: Buffer) => {
      waiting = Buffer.concat([waiting, bytes]);
      while (waiting.length >= 4) {
        const length = waiting.readUInt32LE(0);
        if (length === flushMark) onFlush();
        else if (waiting.length < 4 + length) return;
        else onPiece(Buffer.from(waiting.subarray(4, 4 + length)));
        waiting = waiting.subarray(length === flushMark ? 4 : 4 + length);
      }
    });
    input.on('end', onEnd);
    input.on('error', onEnd);
  }

  function runSpeaker(): void {
    type SpeakerStream = Writable & { close(flush: boolean): void };
    const Speaker = load(options.packagePath) as new (options: object) => SpeakerStream;
    const pieceBytes = 2 * Math.round((options.sampleRateHz * 2 * periodMs) / 1000);
    let queue: Buffer[] = [];
    let queuedBytes = 0;
    let writing = false;
    let flushing = false;
    let ending = false;
    let speaker = open();
    // The package opens the device with the first sound, and only then it is known whether it can be.
    write(Buffer.alloc(pieceBytes), () => tell({ ready: { sampleRateHz: options.sampleRateHz } }));
    readPieces(
      (pcm) => {
        for (let at = 0; at < pcm.length; at += pieceBytes) queue.push(pcm.subarray(at, at + pieceBytes));
        queuedBytes += pcm.length;
        if (queuedBytes > maxQueuedSeconds * 2 * options.sampleRateHz) fail('it takes no more sound');
        next();
      },
      () => {
        queue = [];
        queuedBytes = 0;
        flushing = true;
        next();
      },
      () => {
        ending = true;
        next();
      },
    );

    function open(): SpeakerStream {
      const { sampleRateHz: sampleRate, device = null } = options;
      const stream = new Speaker({ channels: 1, bitDepth: 16, sampleRate, device });
      stream.on('error', fail);
      return stream;
    }

    function write(pcm: Buffer, then: () => void = () => {}): void {
      writing = true;
      speaker.write(pcm, (error) => {
        if (error) return;
        writing = false;
        then();
        next();
      });
    }

    /** The device is never closed under a write in progress: the package would crash. */
    function next(): void {
      if (writing || over) return;
      if (flushing) {
        reopen();
        return;
      }
      const pcm = queue.shift();
      if (pcm) {
        queuedBytes -= pcm.length;
        write(pcm);
      } else if (ending) {
        over = true;
        speaker.once('close', () => process.exit(0));
        speaker.end();
      }
    }

    /** Dropping what the sound system holds is only offered together with closing. */
    function reopen(): void {
      flushing = false;
      speaker.close(true);
      speaker = open();
      write(Buffer.alloc(pieceBytes));
    }
  }

  interface PortAudioDevice {
    readonly id: number;
    readonly name: string;
    readonly maxInputChannels: number;
    readonly maxOutputChannels: number;
    readonly defaultSampleRate: number;
  }

  interface OpenedDevice {
    readonly io: NodeJS.ReadWriteStream & { start(): void; quit(done: () => void): void };
    readonly sampleRateHz: number;
    readonly channels: number;
    readonly samplesPerPeriod: number;
  }

  /** At the rate asked for, else as the hardware insists: mono to be played, all channels of what is recorded. */
  function openPortAudio(): OpenedDevice {
    const portAudio = load(options.packagePath);
    const input = options.kind === 'portaudio-input';
    const device = findDevice(portAudio.getDevices(), input);
    const own = Math.round(device.defaultSampleRate);
    const most = input ? device.maxInputChannels : device.maxOutputChannels;
    const all: [number, number][] =
      input && most > 1 && most <= maxOwnChannels
        ? [
            [options.sampleRateHz, most],
            [own, most],
          ]
        : [];
    const attempts: [number, number][] = [
      ...all,
      [options.sampleRateHz, 1],
      [own, 1],
      [own, 2],
      [48_000, 2],
      [44_100, 2],
      [own, most],
    ];
    let problem: unknown;
    for (const [sampleRateHz, channels] of attempts.filter(([, count]) => count <= most)) {
      const samplesPerPeriod = Math.round((sampleRateHz * (input ? periodMs : outputPeriodMs)) / 1000);
      const wanted = {
        channelCount: channels,
        sampleFormat: portAudio.SampleFormat16Bit,
        sampleRate: sampleRateHz,
        deviceId: device.id,
        // Otherwise the first underrun would end the stream.
        closeOnError: false,
        framesPerBuffer: samplesPerPeriod,
        maxQueue: input ? 20 : 1,
        highwaterMark: samplesPerPeriod * 2 * channels,
      };
      try {
        const io = portAudio.AudioIO({ [input ? 'inOptions' : 'outOptions']: wanted });
        io.start();
        return { io, sampleRateHz, channels, samplesPerPeriod };
      } catch (error) {
        problem = error;
      }
    }
    throw problem;
  }

  function findDevice(devices: readonly PortAudioDevice[], input: boolean): PortAudioDevice {
    const mine = devices.filter((one) => (input ? one.maxInputChannels : one.maxOutputChannels) > 0);
    const wanted = options.device;
    const part = wanted?.toLowerCase() ?? '';
    const found =
      wanted === undefined
        ? (mine.find(({ name }) => name === 'default') ?? mine[0])
        : (mine.find(({ id, name }) => String(id) === wanted || name === wanted) ??
          mine.find(({ name }) => name.toLowerCase().includes(part)));
    if (found) return found;
    throw new Error(`PortAudio knows only: ${mine.map(({ name }) => name).join('; ') || 'nothing'}`);
  }

  function runPortAudioOutput(): void {
    const { io, sampleRateHz, channels, samplesPerPeriod } = openPortAudio();
    const periodBytes = samplesPerPeriod * 2;
    let queued = Buffer.alloc(0);
    let ending = false;
    let playedAtMs = performance.now();
    // The card takes something every period; when it does not, it is gone, and no error tells.
    const timer = setInterval(() => {
      if (performance.now() - playedAtMs > stuckMs) fail('it takes no more sound');
    }, stuckMs / 2);
    tell({ ready: { sampleRateHz } });
    readPieces(
      (pcm) => {
        queued = Buffer.concat([queued, pcm]);
        if (queued.length > maxQueuedSeconds * 2 * sampleRateHz) fail('it takes no more sound');
      },
      () => {
        queued = Buffer.alloc(0);
      },
      () => {
        ending = true;
      },
    );
    play();

    /** The package blocks the sound card's thread when it has nothing, so it always gets something. */
    function play(): void {
      if (over) return;
      playedAtMs = performance.now();
      if (ending && queued.length === 0) {
        over = true;
        clearInterval(timer);
        io.quit(() => process.exit(0));
        return;
      }
      const period = Buffer.alloc(periodBytes);
      queued.copy(period);
      queued = queued.subarray(Math.min(periodBytes, queued.length));
      (io as unknown as Writable).write(spread(period, channels), () => play());
    }
  }

  function runPortAudioInput(): void {
    const { io, sampleRateHz, channels } = openPortAudio();
    const output = new net.Socket({ fd: 3, readable: false, writable: true }) as Socket;
    const maxWaitingBytes = maxQueuedSeconds * 2 * sampleRateHz * channels;
    tell({ ready: { sampleRateHz, channels } });
    io.on('data', (pcm: Buffer) => {
      if (output.writableLength < maxWaitingBytes) output.write(pcm);
    });
    io.on('end', () => fail('the sound system closed it'));
    output.on('error', die);
    process.on('SIGTERM', () => {
      over = true;
      io.quit(() => process.exit(0));
    });
  }

  /** Mono into the first two channels. */
  function spread(mono: Buffer, channels: number): Buffer {
    if (channels === 1) return mono;
    const out = Buffer.alloc(mono.length * channels);
    for (let i = 0; i < mono.length / 2; i++) {
      for (let channel = 0; channel < Math.min(2, channels); channel++) {
        mono.copy(out, 2 * (i * channels + channel), 2 * i, 2 * i + 2);
      }
    }
    return out;
  }
}
