import { beforeEach, describe, expect, test } from 'vitest';
import { Downlink } from '../../src/audio/downlink.ts';
import type { ConcealingDecoder } from '../../src/ports/concealing-decoder.ts';
import type { Loudspeaker } from '../../src/ports/loudspeaker.ts';
import type { OpusCodec } from '../../src/ports/opus-codec.ts';
import { FakeClock } from '../support/fake-clock.ts';

const frame = 1_440;
const packet = (n: number) => Uint8Array.of(0x0b, n);
const sound = (value: number, samples = frame) => new Int16Array(samples).fill(value);

let calls: string[] = [];
let heard: number[] = [];

/** Frame n sounds like the sample n. */
function fakeDecoder(name: string) {
  return {
    sampleRateHz: 24_000,
    decode: (bytes: Uint8Array) => {
      calls.push(`${name} decodes ${bytes[1]}`);
      return sound(bytes[1] as number);
    },
    reset: () => {},
  };
}

const codec: OpusCodec = {
  createEncoder: () => {
    throw new Error('nobody speaks here');
  },
  createDecoder: () => fakeDecoder('codec'),
  packetDurationMs: () => 60,
};

function concealing(recover: ConcealingDecoder['recover']): ConcealingDecoder {
  return {
    ...fakeDecoder('native'),
    conceal: (samples) => {
      calls.push(`conceals ${samples}`);
      return sound(-1, samples);
    },
    recover,
    good: () => {},
  };
}

const copyInside: ConcealingDecoder['recover'] = (next, samples) => {
  calls.push(`recovers ${samples} from ${next[1]}`);
  return sound((next[1] as number) - 1, samples);
};

const loudspeaker: Loudspeaker = {
  name: 'test',
  sampleRateHz: 24_000,
  start: () => Promise.resolve(),
  write: (pcm) => {
    heard.push(pcm[0] as number);
    return Promise.resolve();
  },
  flush: () => {},
  pendingMs: () => 0,
  stop: () => Promise.resolve(),
};

function openDownlink(createConcealingDecoder?: () => ConcealingDecoder | undefined): Downlink {
  const nothing = () => {};
  const downlink = new Downlink({
    codec,
    createConcealingDecoder,
    clock: new FakeClock(),
    volumePercent: 100,
    edges: { onStarted: nothing, onStarved: nothing, onDrained: nothing, onFlushed: nothing },
    onProblem: nothing,
  });
  downlink.connect(loudspeaker);
  downlink.setGate('open');
  return downlink;
}

/** An answer of four frames whose third was lost. */
async function playWithHole(downlink: Downlink): Promise<void> {
  downlink.begin();
  for (const n of [1, 2, 4]) downlink.push(packet(n), 0, n);
  downlink.finish();
  for (let turn = 0; turn < 20; turn++) await Promise.resolve();
}

beforeEach(() => {
  calls = [];
  heard = [];
});

describe('a frame that the road has lost', () => {
  test('is taken from the copy in the packet after it, before that is decoded', async () => {
    const downlink = openDownlink(() => concealing(copyInside));
    downlink.newStream({ isLossy: true });
    await playWithHole(downlink);
    expect(calls).toEqual([
      'native decodes 1',
      'native decodes 2',
      `recovers ${frame} from 4`,
      'native decodes 4',
    ]);
    expect(heard).toEqual([1, 2, 3, 4]);
  });

  test('is made up when the packet after it cannot be used for that', async () => {
    const downlink = openDownlink(() =>
      concealing(() => {
        throw new Error('no Opus');
      }),
    );
    downlink.newStream({ isLossy: true });
    await playWithHole(downlink);
    expect(heard).toEqual([1, 2, -1, 4]);
  });

  test('is made up by our own means where there is no such decoder', async () => {
    const downlink = openDownlink(() => undefined);
    downlink.newStream({ isLossy: true });
    await playWithHole(downlink);
    expect(calls).toEqual(['codec decodes 1', 'codec decodes 2', 'codec decodes 4']);
    expect(heard.length).toBe(4);
  });
});

test('a road that loses nothing does not load the other decoder', async () => {
  const downlink = openDownlink(() => {
    throw new Error('asked for in vain');
  });
  downlink.newStream({ isLossy: false });
  downlink.begin();
  downlink.push(packet(1));
  await Promise.resolve();
  expect(calls).toEqual(['codec decodes 1']);
});
