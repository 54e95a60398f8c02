import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { streamDestination } from '../../../src/adapters/log/stream-destination.ts';

test('lines arrive as written', () => {
  const stream = new PassThrough();
  const destination = streamDestination(stream);
  destination.write('one\n');
  destination.write('two\n');

  expect(String(stream.read())).toBe('one\ntwo\n');
  expect(destination.dropped).toBe(0);
});

test('a reader that stops reading costs lines, not memory', () => {
  const stream = new PassThrough();
  const destination = streamDestination(stream);
  const line = `${'x'.repeat(999)}\n`;
  for (let i = 0; i < 10_000; i++) destination.write(line);

  expect(stream.writableLength).toBeLessThanOrEqual(1024 * 1024 + line.length);
  expect(destination.dropped).toBeGreaterThan(8000);
});

test('a reader that goes away ends the log and nothing else', async () => {
  const reader = spawn('true', { stdio: ['pipe', 'ignore', 'ignore'] });
  const destination = streamDestination(reader.stdin);
  await once(reader, 'close');
  destination.write('to nobody\n');
  await new Promise((resolve) => setImmediate(resolve));
  destination.write('still to nobody\n');

  expect(destination.dropped).toBeGreaterThanOrEqual(1);
});
