import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type EventStreamOptions, openEventStream } from '../../../src/adapters/display/event-stream.ts';
import type { ClientError } from '../../../src/core/errors.ts';
import { FakeClock, settle } from '../../support/fake-clock.ts';

let directory: string;
let clock: FakeClock;
let ends: ClientError[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'events-'));
  clock = new FakeClock();
  ends = [];
});
afterEach(() => rm(directory, { recursive: true, force: true }));

const open = (target: string, stdout: Writable = new PassThrough(), more: Partial<EventStreamOptions> = {}) =>
  openEventStream({ target, stdout, clock, startMs: 0, onEnd: (error) => ends.push(error), ...more });

const linesOf = (text: string) => text.trimEnd().split('\n');

test('a file holds one JSON object per event, time and type first', async () => {
  const path = join(directory, 'events.ndjson');
  clock.advance(10);
  const events = await open(path, undefined, { startMs: 10 });
  events.show({ type: 'state', from: 'idle', to: 'listening', cause: 'talk.toggled' });
  clock.advance(1234.6);
  events.show({ type: 'stt', text: '你好\n"小智"' });
  await events.close();

  expect(linesOf(await readFile(path, 'utf8'))).toEqual([
    '{"t":0,"type":"state","from":"idle","to":"listening","cause":"talk.toggled"}',
    '{"t":1235,"type":"stt","text":"你好\\n\\"小智\\""}',
  ]);
  expect([events.written, events.dropped, ends, clock.pendingTimers]).toEqual([2, 0, [], 0]);
});

test('a file is begun anew', async () => {
  const path = join(directory, 'events.ndjson');
  for (const text of ['first run', 'second run']) {
    const events = await open(path);
    events.show({ type: 'stt', text });
    await events.close();
  }

  expect(await readFile(path, 'utf8')).toBe('{"t":0,"type":"stt","text":"second run"}\n');
});

test('a file that cannot be written is refused at once, with what to do', async () => {
  const path = join(directory, 'missing', 'events.ndjson');

  await expect(open(path)).rejects.toMatchObject({
    name: 'ClientError',
    code: 'USAGE_INVALID',
    retryable: false,
    message: expect.stringMatching(
      /^Events cannot be written to .*missing\/events\.ndjson \(ENOENT.*\)\. Name a file in a directory you may write to, or - for standard output\.$/,
    ),
  });
});

describe('a pipe with a name', () => {
  let path: string;
  beforeEach(() => {
    path = join(directory, 'events.fifo');
    execFileSync('mkfifo', [path]);
  });

  test('waits for its reader, and is written to as soon as there is one', async () => {
    const opening = open(path);
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    const reader = spawn('cat', [path]);
    const read = text(reader.stdout);
    await vi.waitFor(async () => {
      await clock.advanceAsync(100);
      expect(clock.pendingTimers).toBe(0);
    });
    const events = await opening;
    events.show({ type: 'stt', text: 'x'.repeat(500_000) });
    await events.close();

    expect([(await read).length, ends, clock.pendingTimers]).toEqual([500_033, [], 0]);
  });

  test('that nobody reads is refused after a while', async () => {
    const opening = expect(open(path)).rejects.toMatchObject({
      code: 'USAGE_INVALID',
      message: `Events cannot be written to ${path} (it is a pipe that nobody reads). Start its reader first, such as "cat ${path}", or name a file.`,
    });
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    let refused = false;
    void opening.then(() => {
      refused = true;
    });
    await vi.waitFor(async () => {
      await clock.advanceAsync(1000);
      expect(refused).toBe(true);
    });
    expect(clock.pendingTimers).toBe(0);
  });

  test('is waited for no longer than the program runs', async () => {
    const stopping = new AbortController();
    const opening = expect(open(path, undefined, { stop: stopping.signal })).rejects.toMatchObject({
      code: 'USAGE_INVALID',
    });
    await vi.waitFor(() => expect(clock.pendingTimers).toBe(1));
    stopping.abort();
    await opening;
    expect(clock.pendingTimers).toBe(0);
  });
});

test('standard output is written to and stays open', async () => {
  const stdout = new PassThrough();
  const events = await open('-', stdout);
  events.show({ type: 'turn', n: 1, phase: 'started' });
  await events.close();
  events.show({ type: 'turn', n: 2, phase: 'started' });

  expect(String(stdout.read())).toBe('{"t":0,"type":"turn","n":1,"phase":"started"}\n');
  expect(stdout.writableEnded).toBe(false);
});

test('a reader that stops reading costs the newest events; the next line tells how many', async () => {
  const stdout = new PassThrough({ highWaterMark: 1 });
  const events = await open('-', stdout, { maxWaitingBytes: 100 });
  for (let n = 1; n <= 10; n++) events.show({ type: 'turn', n, phase: 'started' });
  const seen = String(await firstChunks(stdout));
  events.show({ type: 'turn', n: 11, phase: 'started' });

  const kept = linesOf(seen).map((line) => JSON.parse(line).n);
  expect(kept).toEqual(Array.from(kept, (_, index) => index + 1));
  expect([events.written, events.dropped]).toEqual([kept.length + 1, 10 - kept.length]);
  expect(JSON.parse(String(stdout.read()))).toEqual({
    t: 0,
    type: 'turn',
    n: 11,
    phase: 'started',
    dropped: 10 - kept.length,
  });
});

async function firstChunks(stream: PassThrough): Promise<string> {
  let text = '';
  for (let chunk = stream.read(); chunk !== null; chunk = stream.read()) {
    text += chunk;
    await new Promise((resolve) => setImmediate(resolve));
  }
  return text;
}

test('one event larger than all the room is dropped, not written', async () => {
  const stdout = new PassThrough();
  const events = await open('-', stdout);
  events.show({ type: 'stt', text: 'x'.repeat(2_000_000) });

  expect([events.written, events.dropped, stdout.read()]).toEqual([0, 1, null]);
});

test('a closed pipe ends the stream once, and the device goes on', async () => {
  const reader = spawn('true', { stdio: ['pipe', 'ignore', 'ignore'] });
  let told = () => {};
  const onEnd = (error: ClientError) => {
    ends.push(error);
    told();
  };
  const events = await open('-', reader.stdin, { onEnd });
  await once(reader, 'close');
  const gone = new Promise<void>((resolve) => {
    told = resolve;
  });
  for (let n = 0; n < 3; n++) events.show({ type: 'stt', text: 'to nobody' });
  await gone;
  await new Promise((resolve) => setImmediate(resolve));
  for (let n = 0; n < 100; n++) events.show({ type: 'stt', text: 'to nobody' });
  await events.close();

  expect(ends.map(({ code, message }) => ({ code, message }))).toEqual([
    {
      code: 'EVENTS_ENDED',
      message: expect.stringMatching(/^Writing events to - ended .*; the device goes on/),
    },
  ]);
});

test('closing does not wait for ever for a reader that never reads', async () => {
  const stdout = new PassThrough({ highWaterMark: 1 });
  const events = await open('-', stdout);
  events.show({ type: 'stt', text: 'a' });
  events.show({ type: 'stt', text: 'b' });
  let closed = false;
  const closing = events.close().then(() => {
    closed = true;
  });
  await settle();
  expect(closed).toBe(false);
  await clock.advanceAsync(2000);
  await closing;

  expect(closed).toBe(true);
});
