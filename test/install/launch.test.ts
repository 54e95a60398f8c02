import { execFile } from 'node:child_process';
import {
  chownSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, test } from 'vitest';
import { buildProgram } from '../support/program.ts';
import { skipped } from '../support/skipped.ts';

beforeAll(buildProgram);

/** Long enough to count as a start that is worth keeping, and a function that V8 compiles. */
const program = (answer: string) => `
const answer = () => '${answer}';
setTimeout(() => process.stdout.write(answer() + require('node:path').basename(__filename)), 2_100);
`;

/** A folder as dist/ is, with a program of its own. */
function folder(text = program('yes ')) {
  const directory = mkdtempSync(join(tmpdir(), 'launch-'));
  copyFileSync(join(import.meta.dirname, '../../dist/main.js'), join(directory, 'main.js'));
  writeFileSync(join(directory, 'package.json'), '{ "type": "commonjs" }');
  writeFileSync(join(directory, 'program.js'), text);
  const kept = () => readdirSync(directory).filter((name) => name.includes('.cache'));
  return {
    at: (name: string) => join(directory, name),
    kept,
    async start() {
      const { stdout } = await promisify(execFile)(process.execPath, [join(directory, 'main.js')]);
      return stdout;
    },
  };
}

describe.concurrent('the program is started with what V8 made of it the last time', () => {
  test('which is kept once and used again', async ({ expect }) => {
    const { at, kept, start } = folder();
    expect(await start()).toBe('yes program.js');
    const [name = ''] = kept();
    const { mtimeMs } = statSync(at(name));
    expect(await start()).toBe('yes program.js');
    expect(kept()).toEqual([name]);
    expect(statSync(at(name)).mtimeMs).toBe(mtimeMs);
  });

  test.for([
    ['is full of zeros', (bytes: Buffer) => bytes.fill(0, 200)],
    ['was cut off', (bytes: Buffer) => bytes.subarray(0, bytes.length >> 1)],
    ['is empty', () => Buffer.alloc(0)],
    [
      'has one wrong bit',
      (bytes: Buffer) => bytes.fill((bytes.at(-40) ?? 0) ^ 1, bytes.length - 40, bytes.length - 39),
    ],
  ] as const)('a file that %s is not believed, and made anew', async ([, damage], { expect }) => {
    const { at, kept, start } = folder();
    await start();
    const [name = ''] = kept();
    const whole = readFileSync(at(name));
    writeFileSync(at(name), damage(Buffer.from(whole)));
    expect(await start()).toBe('yes program.js');
    expect(readFileSync(at(name)).length).toBe(whole.length);
  });

  test('another program of the same length does not get it', async ({ expect }) => {
    const { at, start } = folder();
    await start();
    writeFileSync(at('program.js'), program('no! '));
    utimesSync(at('program.js'), new Date(), new Date('2031-01-01'));
    expect(await start()).toBe('no! program.js');
  });

  const notRoot = process.getuid?.() === 0 ? undefined : 'only root can give a folder away';
  test.skipIf(notRoot)(
    `under sudo nothing of root is left in a person's folder${skipped(notRoot)}`,
    async ({ expect }) => {
      const { at, kept, start } = folder();
      chownSync(at('.'), 12_345, 12_345);
      expect(await start()).toBe('yes program.js');
      expect(kept()).toEqual([]);
    },
  );
});
