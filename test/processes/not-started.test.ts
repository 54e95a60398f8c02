import { chmod, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { foreignWords, inWords, type Words } from '../../src/core/words.ts';
import { notStartedWords } from '../../src/processes/not-started.ts';

const said = async (...[program, cwd, path, advice]: [string, string, string, Words?]) =>
  inWords(await notStartedWords(program, cwd, path, advice), 'en');

const directory = await mkdtemp(join(tmpdir(), 'not-started-'));
const script = async (content: string) => {
  const file = join(directory, 'tool');
  await writeFile(file, content);
  await chmod(file, 0o755);
  return file;
};

test('a script whose interpreter is missing is not called missing itself', async () => {
  const file = await script('#!/opt/no/such/python3 -u\nprint(1)\n');
  const words = `/opt/no/such/python3, which is to run ${file}, was not found; install it, or correct the first line of the file`;
  expect(await said(file, '/', '')).toBe(words);
  expect(await said('tool', '/', `/nowhere:${directory}`)).toBe(words);
  expect(await said('./tool', directory, '')).toBe(words);
});

test('line ends of Windows and programs for other systems are told apart', async () => {
  const file = await script('#!/usr/bin/python3\r\nprint(1)\r\n');
  expect(await said(file, '/', '')).toContain('has the line ends of Windows');
  await script('\u007fELF\u0001');
  expect(await said(file, '/', '')).toBe(`the program ${file} was made for another system`);
});

test('what is missing is said to be missing', async () => {
  expect(await said('no-such-tool', '/', '/usr/bin', foreignWords('install it'))).toBe(
    'the program no-such-tool was not found; install it',
  );
  expect(await said('true', '/no/such/place', '/usr/bin')).toBe(
    'its directory /no/such/place does not exist',
  );
});
