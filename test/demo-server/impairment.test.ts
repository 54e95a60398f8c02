import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  createImpairedPath,
  type Impairment,
  parseImpairment,
  perfectNetwork,
} from '../../src/demo-server/impairment.ts';
import { FakeClock } from '../support/fake-clock.ts';

function sendAll(impairment: Partial<Impairment>, carrier: 'datagram' | 'stream', count = 1_000) {
  const clock = new FakeClock();
  const arrived: number[] = [];
  const delays: number[] = [];
  const path = createImpairedPath<{ number: number; sentMs: number }>({
    impairment: { ...perfectNetwork, ...impairment },
    carrier,
    clock,
    deliver: ({ number, sentMs }) => {
      arrived.push(number);
      delays.push(clock.now() - sentMs);
    },
  });
  for (let number = 0; number < count; number++) {
    path.send({ number, sentMs: clock.now() });
    clock.advance(60);
  }
  clock.advance(10_000);
  return { arrived, delays, counters: path.counters, pendingTimers: clock.pendingTimers };
}

const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

describe('the impairment option', () => {
  it('reads every member, in any order', () => {
    expect(parseImpairment('loss=5%,jitter=40ms,reorder=3%,dup=2%,seed=1')).toEqual({
      loss: 0.05,
      jitterMs: 40,
      reorder: 0.03,
      duplicate: 0.02,
      seed: 1,
      leg: 'both',
    });
    expect(parseImpairment('leg=down, seed=7 ,loss=12.5%')).toEqual({
      ...perfectNetwork,
      loss: 0.125,
      seed: 7,
      leg: 'down',
    });
  });

  it.each([
    '',
    'loss',
    'loss=5',
    'loss=101%',
    'loss=-1%',
    'jitter=40',
    'jitter=9999ms',
    'seed=x',
    'leg=left',
    'lag=5ms',
    'loss=1%,loss=2%',
  ])('refuses "%s" and says how it is written', (text) => {
    expect(() => parseImpairment(text)).toThrow(
      expect.objectContaining({ code: 'USAGE_INVALID', message: expect.stringContaining('loss=5%') }),
    );
  });

  it('throws nothing but its own error, whatever is written', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseImpairment(text);
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'USAGE_INVALID' });
        }
      }),
    );
  });
});

describe('a bad network', () => {
  it('that is perfect passes everything at once', () => {
    const { arrived, delays } = sendAll({}, 'datagram', 5);
    expect([arrived, delays]).toEqual([
      [0, 1, 2, 3, 4],
      [0, 0, 0, 0, 0],
    ]);
  });

  it('has the same bad luck for the same seed', () => {
    const impairment = { loss: 0.1, jitterMs: 40, reorder: 0.1, duplicate: 0.1, seed: 42 };
    expect(sendAll(impairment, 'datagram')).toEqual(sendAll(impairment, 'datagram'));
    expect(sendAll({ ...impairment, seed: 43 }, 'datagram')).not.toEqual(sendAll(impairment, 'datagram'));
  });

  it('loses, delays, reorders and doubles datagrams in the stated shares', () => {
    const { arrived, delays, counters } = sendAll(
      { loss: 0.1, jitterMs: 40, reorder: 0.05, duplicate: 0.02 },
      'datagram',
    );
    expect(counters.lost).toBeGreaterThan(70);
    expect(counters.lost).toBeLessThan(130);
    expect(arrived.length).toBe(1_000 - counters.lost + counters.duplicated);
    expect(arrived).not.toEqual(sorted(arrived));
    expect(Math.max(...delays)).toBeLessThanOrEqual(121);
  });

  it('delays a stream but keeps it whole and in order', () => {
    const { arrived, delays, pendingTimers } = sendAll(
      { loss: 0.1, jitterMs: 40, reorder: 0.5, duplicate: 0.5 },
      'stream',
    );
    expect(arrived).toEqual(Array.from({ length: 1_000 }, (_, number) => number));
    expect(Math.max(...delays)).toBeGreaterThan(200);
    expect(pendingTimers).toBe(0);
  });

  it('delivers nothing after stop', () => {
    const clock = new FakeClock();
    const arrived: number[] = [];
    const path = createImpairedPath<number>({
      impairment: { ...perfectNetwork, jitterMs: 40 },
      carrier: 'datagram',
      clock,
      deliver: (number) => arrived.push(number),
    });
    path.send(1);
    path.stop();
    clock.advance(1_000);
    expect([arrived, clock.pendingTimers]).toEqual([[], 0]);
  });
});
