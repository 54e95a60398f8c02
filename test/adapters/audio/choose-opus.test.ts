import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { chooseOpus } from '../../../src/adapters/audio/choose-opus.ts';
import { loadDiscordOpus } from '../../../src/adapters/audio/opus-discord.ts';
import { isWhole } from '../../../src/adapters/native/elf-file.ts';
import type { OpusEngine } from '../../../src/ports/opus-engine.ts';
import { temporaryDirectory } from '../../support/temporary-directory.ts';

const engine = (name: string): OpusEngine => ({
  name,
  createEncoder: () => ({ encode: () => new Uint8Array(), reset: () => {} }),
  createDecoder: () => ({ decode: () => new Int16Array(), reset: () => {} }),
});
const missing = (reason: string) => () => Promise.reject(new Error(reason));

test('the first binding that loads is taken, and those behind it are not looked at', async () => {
  const looked: string[] = [];
  const chosen = await chooseOpus([
    { name: 'first', load: missing('it is not installed') },
    { name: 'second', load: () => engine('two') },
    { name: 'third', load: () => engine(`three, ${looked.push('third')}`) },
  ]);
  expect(chosen.binding).toBe('two');
  expect(chosen.passedOver).toEqual(['first: it is not installed']);
  expect(looked).toEqual([]);
});

test('a binding that throws where it should have been loaded is passed over like one that is missing', async () => {
  const broken = () => {
    throw new Error('wrong ELF class');
  };
  const chosen = await chooseOpus([
    { name: 'broken', load: broken },
    { name: 'whole', load: () => engine('whole') },
  ]);
  expect(chosen.passedOver).toEqual(['broken: wrong ELF class']);
});

test('without any the error names every reason and what to do', async () => {
  const error = await chooseOpus([
    { name: 'one', load: missing('it is not installed') },
    { name: 'two', load: missing('its file is cut short') },
  ]).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({
    code: 'OPUS_UNAVAILABLE',
    message: expect.stringMatching(
      /one: it is not installed; two: its file is cut short.*Remove node_modules and run "npm start"/,
    ),
  });
});

const abi = process.versions.modules;
const here = `${process.platform}-${process.arch}-glibc-2.99`;
const loadFrom = async (binaries: Record<string, string | Buffer>) => {
  const directory = await temporaryDirectory();
  for (const [name, bytes] of Object.entries(binaries)) {
    mkdirSync(join(directory, 'prebuild', name), { recursive: true });
    writeFileSync(join(directory, 'prebuild', name, 'opus.node'), bytes);
  }
  return () => loadDiscordOpus({ isWhole, locate: () => directory });
};
/** The header of a 64-bit ELF file whose tables lie behind its end. */
const cutShort = Buffer.concat([
  Buffer.from('7f454c4602010100', 'hex'),
  Buffer.alloc(24),
  Buffer.from('4000000000000000ffff000000000000', 'hex'),
  Buffer.alloc(6),
  Buffer.from('380001004000', 'hex'),
  Buffer.alloc(4),
]);

test.each([
  ['nothing was fetched or built', {}, /neither fetched nor built for this machine/],
  ['there is one for another machine', { 'node-v115-napi-v3-linux-mips-glibc-2.36': 'x' }, /neither fetched/],
  [
    'it is no library',
    { [`node-v${abi}-napi-v3-${here}`]: 'html of a proxy' },
    /invalid ELF header|too short/,
  ],
  ['its file is cut short', { [`node-v${abi}-napi-v3-${here}`]: cutShort }, /cut short/],
])('@discordjs/opus is passed over with the reason when %s', async (_, binaries, reason) => {
  expect(await loadFrom(binaries)).toThrow(reason);
});

test('@discordjs/opus that is not installed says so', () => {
  expect(() => loadDiscordOpus({ isWhole, locate: () => undefined })).toThrow('it is not installed');
});
