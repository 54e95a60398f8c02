// Uses the add-on at the path in argv[2] rightly and wrongly, from the main thread and from workers. Run by
// addon.test.ts, and by scripts/check-native under AddressSanitizer and valgrind, so it needs nothing but Node.
// Prints `ok <calls> <refusals>`; argv[3] scales how much is done.
const { isMainThread, Worker, workerData } = require('node:worker_threads');

const [path, effort] = isMainThread ? [process.argv[2], Number(process.argv[3] ?? 1)] : workerData;
const { EchoCanceller, OpusDecoder, OpusEncoder, VoiceDetector } = require(path);

let calls = 0;
let refusals = 0;
let state = 1;
const random = (below) => {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return Math.floor((state / 2 ** 32) * below);
};

/** Whatever comes out is fine, as long as a refusal is a coded error. */
function call(work) {
  calls += 1;
  try {
    return work();
  } catch (error) {
    if (!/^NATIVE_[A-Z_]+$/.test(error.code ?? '')) throw error;
    refusals += 1;
    return error.code;
  }
}

function expectCode(code, work) {
  const got = call(work);
  if (got !== code) throw new Error(`${work} gave ${String(got)} instead of ${code}`);
}

function detached(array) {
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
}

const oddFrames = () => [
  new Int16Array(0),
  new Int16Array(159),
  new Int16Array(161),
  new Int16Array(random(3_000)),
  detached(new Int16Array(160)),
  new Uint8Array(320),
  new Float32Array(160),
  new DataView(new ArrayBuffer(320)),
  Buffer.alloc(320),
  [],
  'pcm',
  null,
  undefined,
  { length: 160 },
  new Int16Array(new SharedArrayBuffer(320)),
  new Int16Array(new ArrayBuffer(322), 2),
  new Int16Array(new ArrayBuffer(320, { maxByteLength: 640 })),
];
const oddNumbers = [-1, 2_001, 0.5, NaN, Infinity, -Infinity, 2 ** 40, '10', null, undefined, {}, 10n];
const oddOptions = [
  undefined,
  null,
  7,
  {},
  { sampleRateHz: 0 },
  { sampleRateHz: 16_001 },
  { sampleRateHz: '16000' },
  { sampleRateHz: NaN },
  { sampleRateHz: 44_100, echoCancellation: true, noiseSuppression: true, gainControl: true },
  { sampleRateHz: 16_000, echoCancellation: 1, noiseSuppression: true, gainControl: true },
];

function exerciseEchoCanceller() {
  for (const options of oddOptions) expectCode('NATIVE_BAD_ARGUMENT', () => new EchoCanceller(options));
  for (const sampleRateHz of [8_000, 16_000, 32_000, 48_000]) {
    for (const bits of [0, 1, 2, 3, 4, 5, 6, 7]) {
      const canceller = new EchoCanceller({
        sampleRateHz,
        echoCancellation: (bits & 1) !== 0,
        noiseSuppression: (bits & 2) !== 0,
        gainControl: (bits & 4) !== 0,
      });
      const samples = sampleRateHz / 100;
      for (let frame = 0; frame < 12 * effort; frame++) {
        const pcm = () => Int16Array.from({ length: samples }, () => random(65_536) - 32_768);
        call(() => canceller.processRender(pcm()));
        call(() => canceller.processCapture(pcm(), random(2_001)));
      }
      for (const odd of oddFrames()) {
        call(() => canceller.processRender(odd));
        call(() => canceller.processCapture(odd, 20));
      }
      for (const odd of oddNumbers) {
        expectCode('NATIVE_BAD_ARGUMENT', () => canceller.processCapture(new Int16Array(samples), odd));
      }
      canceller.close();
      canceller.close();
      expectCode('NATIVE_CLOSED', () => canceller.processRender(new Int16Array(samples)));
      expectCode('NATIVE_CLOSED', () => canceller.processCapture(new Int16Array(samples), 0));
    }
  }
}

function exerciseOpusDecoder() {
  for (const options of oddOptions.slice(0, 9))
    expectCode('NATIVE_BAD_ARGUMENT', () => new OpusDecoder(options));
  for (const sampleRateHz of [8_000, 12_000, 16_000, 24_000, 48_000]) {
    const decoder = new OpusDecoder({ sampleRateHz });
    for (const odd of ['', null, [], new Int16Array(4)]) {
      expectCode('NATIVE_BAD_ARGUMENT', () => decoder.decode(odd));
    }
    expectCode('NATIVE_BAD_PACKET', () => decoder.decode(new Uint8Array(0)));
    expectCode('NATIVE_BAD_PACKET', () => decoder.decode(detached(new Uint8Array(40))));
    expectCode('NATIVE_BAD_PACKET', () => decoder.decode(new Uint8Array(200_000)));
    for (const odd of [...oddNumbers, 0, 41, 1, sampleRateHz]) {
      expectCode('NATIVE_BAD_ARGUMENT', () => decoder.conceal(odd));
      expectCode('NATIVE_BAD_ARGUMENT', () => decoder.decodeFec(Uint8Array.of(8, 1, 2), odd));
    }
    for (let packet = 0; packet < 300 * effort; packet++) {
      const bytes = Uint8Array.from({ length: 1 + random(random(10) === 0 ? 2_000 : 120) }, () =>
        random(256),
      );
      const samples = (sampleRateHz / 400) * (1 + random(48));
      const pcm = call(() => decoder.decode(bytes));
      if (pcm instanceof Int16Array && pcm.length > sampleRateHz * 0.12) throw new Error('too long');
      if (random(4) === 0) call(() => decoder.conceal(samples));
      if (random(4) === 0) call(() => decoder.decodeFec(bytes, samples));
      if (random(40) === 0) call(() => decoder.reset());
    }
    decoder.close();
    decoder.close();
    expectCode('NATIVE_CLOSED', () => decoder.decode(Uint8Array.of(8, 1, 2)));
    expectCode('NATIVE_CLOSED', () => decoder.conceal(sampleRateHz / 100));
    expectCode('NATIVE_CLOSED', () => decoder.decodeFec(Uint8Array.of(8), sampleRateHz / 100));
    expectCode('NATIVE_CLOSED', () => decoder.reset());
  }
}

function exerciseVoiceDetector() {
  for (const options of oddOptions) expectCode('NATIVE_BAD_ARGUMENT', () => new VoiceDetector(options));
  for (const sampleRateHz of [8_000, 16_000, 32_000, 48_000]) {
    for (const aggressiveness of [0, 1, 2, 3]) {
      const detector = new VoiceDetector({ sampleRateHz, aggressiveness });
      for (let frame = 0; frame < 12 * effort; frame++) {
        const pcm = Int16Array.from({ length: sampleRateHz / 100 }, () => random(65_536) - 32_768);
        call(() => detector.isSpeech(pcm));
      }
      for (const odd of oddFrames()) call(() => detector.isSpeech(odd));
      detector.close();
      expectCode('NATIVE_CLOSED', () => detector.isSpeech(new Int16Array(sampleRateHz / 100)));
    }
  }
}

function exerciseOpusEncoder() {
  const good = {
    sampleRateHz: 16_000,
    complexity: 5,
    variableBitrate: true,
    discontinuousTransmission: false,
  };
  for (const options of oddOptions) expectCode('NATIVE_BAD_ARGUMENT', () => new OpusEncoder(options));
  for (const odd of oddNumbers)
    expectCode('NATIVE_BAD_ARGUMENT', () => new OpusEncoder({ ...good, complexity: odd }));
  for (const odd of ['16000', null, {}, 10n])
    expectCode('NATIVE_BAD_ARGUMENT', () => new OpusEncoder({ ...good, bitrateBps: odd }));
  for (const odd of [-1, 0, NaN, Infinity, 2 ** 40])
    call(() => new OpusEncoder({ ...good, bitrateBps: odd }));
  for (const sampleRateHz of [8_000, 12_000, 16_000, 24_000, 48_000]) {
    const encoder = new OpusEncoder({ ...good, sampleRateHz, bitrateBps: 512_000 });
    for (const ms of [2.5, 5, 10, 20, 40, 60, 80, 100, 120]) {
      const noise = Int16Array.from({ length: (sampleRateHz / 1000) * ms }, () => random(65_536) - 32_768);
      for (let frame = 0; frame < effort; frame++) encoder.encode(noise);
    }
    for (const odd of oddFrames()) call(() => encoder.encode(odd));
    for (const length of [0, 1, sampleRateHz / 1000, sampleRateHz])
      expectCode('NATIVE_BAD_ARGUMENT', () => encoder.encode(new Int16Array(length)));
    encoder.reset();
    encoder.close();
    encoder.close();
    expectCode('NATIVE_CLOSED', () => encoder.encode(new Int16Array(sampleRateHz / 100)));
    expectCode('NATIVE_CLOSED', () => encoder.reset());
  }
}

/** Objects that nobody closes, and methods on things they were not made for. */
function exerciseLifetimes() {
  const options = {
    sampleRateHz: 16_000,
    aggressiveness: 1,
    echoCancellation: true,
    noiseSuppression: true,
    gainControl: true,
    complexity: 0,
    variableBitrate: true,
    discontinuousTransmission: true,
  };
  const classes = [EchoCanceller, OpusDecoder, OpusEncoder, VoiceDetector].filter(Boolean);
  for (const Class of classes) {
    const others = classes.filter((other) => other !== Class).map((Other) => new Other(options));
    for (let i = 0; i < 20 * effort; i++) call(() => new Class(options));
    for (const name of Object.getOwnPropertyNames(Class.prototype)) {
      for (const receiver of [{}, null, new Map(), Class.prototype, ...others]) {
        try {
          Class.prototype[name].call(receiver, new Int16Array(160), 0);
        } catch (error) {
          if (!(error instanceof Error)) throw error;
        }
      }
    }
    try {
      Class(options);
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }
}

if (EchoCanceller) exerciseEchoCanceller();
if (OpusDecoder) exerciseOpusDecoder();
if (OpusEncoder) exerciseOpusEncoder();
if (VoiceDetector) exerciseVoiceDetector();
exerciseLifetimes();
globalThis.gc?.();

if (isMainThread) {
  const workers = [1, 2].map(() => new Worker(__filename, { workerData: [path, effort] }));
  // Some are ended in the middle of their work, where no exception can be thrown any more.
  for (const afterMs of [5, 20, 40, 80, 120]) {
    const ended = new Worker(__filename, { workerData: [path, effort] });
    ended.on('error', () => {});
    ended.once('online', () => setTimeout(() => void ended.terminate(), afterMs));
  }
  let left = workers.length;
  for (const worker of workers) {
    worker.on('error', (error) => {
      throw error;
    });
    worker.on('exit', () => {
      left -= 1;
      if (left === 0) process.stdout.write(`ok ${calls} ${refusals}\n`);
    });
  }
}
