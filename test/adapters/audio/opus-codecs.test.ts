import { describe, expect, test } from 'vitest';
import { guardedCodec } from '../../../src/adapters/audio/opus-guards.ts';
import { opusCandidates } from '../../../src/app-codec.ts';
import type { OpusEngine } from '../../../src/ports/opus-engine.ts';
import { opusCodecContract } from '../../contract/opus-codec.contract.ts';
import { skipped } from '../../support/skipped.ts';

for (const { name, load } of opusCandidates) {
  const engine: OpusEngine | Error = await Promise.resolve()
    .then(load)
    .catch((error: Error) => error);
  if (engine instanceof Error) {
    describe.skip(`${name}${skipped(engine.message)}`, () => {
      test('the contract of a codec', () => {});
    });
  } else {
    describe(name, () => opusCodecContract(guardedCodec(engine)));
  }
}

test('a stand-in that needs no compiler is always there', () => {
  expect(opusCandidates.at(-1)?.name).toBe('WebAssembly');
});

test('WebAssembly: a reset gives back the memory of what was before', async () => {
  const codec = guardedCodec(await (opusCandidates.at(-1) as (typeof opusCandidates)[number]).load());
  const settings = {
    sampleRateHz: 16_000,
    frameDurationMs: 60,
    complexity: 0,
    variableBitrate: true,
    discontinuousTransmission: true,
  };
  const encoder = codec.createEncoder(settings);
  // 25 kB each: without it, the module would run out of memory long before the end.
  for (let i = 0; i < 100_000; i++) encoder.reset();
  expect(encoder.encode(new Int16Array(960)).length).toBeGreaterThan(0);
});
