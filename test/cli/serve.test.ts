import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { bundledRecordingPath } from '../../src/cli/bundled-recording.ts';
import type { CliContext } from '../../src/cli/context.ts';
import { type ServeOptions, serveAction } from '../../src/cli/serve.ts';

let directory = '';
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'serve-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** `serve` in a process of its own making. */
function run(options: Partial<ServeOptions> = {}) {
  const stopper = new AbortController();
  const stdout = new PassThrough();
  const stderr = new PassThrough();
  const context = {
    env: {},
    stdin: process.stdin,
    stdout,
    stderr,
    stop: stopper.signal,
  } as unknown as CliContext;
  const exitCode = serveAction({ host: '127.0.0.1', port: 0, logLevel: 'info', ...options }, context);
  return {
    exitCode,
    stop: () => stopper.abort(),
    stderr,
    printed: () => new Promise<string>((resolve) => stdout.once('data', (text) => resolve(String(text)))),
  };
}

describe('serve', () => {
  it('prints where it is and how to connect, and ends cleanly when told to', async () => {
    const { printed, stop, exitCode } = run();
    const text = await printed();
    const port = /http:\/\/127\.0\.0\.1:(\d+)/u.exec(text)?.[1];
    const mqttPort = /mqtt:\/\/127\.0\.0\.1:(\d+)/u.exec(text)?.[1];
    expect(text).toBe(
      [
        'The demo server is running; end it with Ctrl-C.',
        `  OTA        http://127.0.0.1:${port}/xiaozhi/ota/`,
        `  WebSocket  ws://127.0.0.1:${port}/xiaozhi/v1/`,
        `  MQTT       mqtt://127.0.0.1:${mqttPort}`,
        `Connect a device:  npm start -- --server http://127.0.0.1:${port}/xiaozhi/ota/`,
        '',
      ].join('\n'),
    );
    expect((await fetch(`http://127.0.0.1:${port}/xiaozhi/ota/`)).status).toBe(200);
    stop();
    expect(await exitCode).toBe(0);
    await expect(fetch(`http://127.0.0.1:${port}/xiaozhi/ota/`)).rejects.toThrow();
  });

  it('takes after a real server and thinks as long as it is told to', async () => {
    const { printed, stop, exitCode } = run({ manner: 'go', think: 0 });
    const port = /ws:\/\/127\.0\.0\.1:(\d+)/u.exec(await printed())?.[1];
    const socket = new WebSocket(`ws://127.0.0.1:${port}/xiaozhi/v1/?device-id=02:00:5e:10:20:30`);
    await once(socket, 'open');
    socket.send(JSON.stringify({ type: 'hello', audio_params: {} }));
    const [hello] = await once(socket, 'message');
    expect(JSON.parse(String(hello))).toMatchObject({ type: 'hello', version: 0 });
    stop();
    expect(await exitCode).toBe(0);
  });

  it('warns when other computers can reach it', async () => {
    const { printed, stop, exitCode, stderr } = run({ host: '0.0.0.0' });
    await printed();
    stop();
    await exitCode;
    expect(String(stderr.read())).toContain('the demo server can be reached from other computers');
  });

  it('refuses a port that is taken', async () => {
    const first = run();
    const port = Number(/:(\d+)\//u.exec(await first.printed())?.[1]);
    await expect(run({ port }).exitCode).rejects.toMatchObject({ code: 'SERVER_ADDRESS_UNAVAILABLE' });
    first.stop();
    await first.exitCode;
  });

  it('refuses a script that is missing or faulty', async () => {
    const script = join(directory, 'script.json');
    await expect(run({ script }).exitCode).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' });
    await writeFile(script, '{"connections":[]}');
    await expect(run({ script }).exitCode).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  });

  it('finds the recording that comes with the program', () => {
    expect(bundledRecordingPath()).toMatch(/config\/demo-speech\.wav$/u);
  });
});
