import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { afterAll, beforeAll, describe, it, vi } from 'vitest';
import { answerPackets } from '../support/device-harness.ts';
import { buildProgram, cleanUpPrograms, freshHome, root, startProgram } from '../support/program.ts';
import { startRealServer } from '../support/real-server.ts';
import { type ScriptedServer, startScriptedServer } from '../support/scripted-server.ts';

let real: ScriptedServer;
let refusing: ScriptedServer;
let ota: Server;
let otaUrl: string;

beforeAll(async () => {
  await buildProgram();
  real = await startRealServer();
  refusing = await startScriptedServer({
    onPeer: (peer) => {
      peer.send('认证失败');
      peer.socket.close(1000);
    },
  });
  ota = createServer((request, response) => {
    request.resume();
    if (request.url?.endsWith('/activate')) response.writeHead(202).end();
    else
      response.end(
        JSON.stringify({ activation: { code: '123456', message: 'Enter 123456', challenge: 'c' } }),
      );
  }).listen(0, '127.0.0.1');
  await once(ota, 'listening');
  otaUrl = `http://127.0.0.1:${(ota.address() as AddressInfo).port}/xiaozhi/ota/`;
});
afterAll(async () => {
  cleanUpPrograms();
  ota.close();
  ota.closeAllConnections();
  await Promise.all([real.stop(), refusing.stop()]);
});

const sound = ['--mic', 'null', '--speaker', 'null'];

describe.concurrent('a mistake of the user ends with its exit code and says what to do:', {
  timeout: 60_000,
}, () => {
  it('no such recording', async ({ expect }) => {
    const args = ['--mic', 'wav:/no/such.wav', '--speaker', 'null', '--turns', '1', '--events', '-'];
    const program = startProgram(args);
    expect(await program.exited).toBe(4);
    expect(program.stderr).toMatch(/\/no\/such\.wav .*\[AUDIO_FILE_INVALID\]/);
    expect(program.eventsOf('error')).toMatchObject([{ code: 'AUDIO_FILE_INVALID', retryable: false }]);
  });

  it('a recording that is none', async ({ expect }) => {
    const home = freshHome();
    writeFileSync(join(home, 'broken.wav'), 'RIFF but not really');
    const program = startProgram(['--mic', 'wav:broken.wav', '--speaker', 'null', '--turns', '1'], { home });
    expect(await program.exited).toBe(4);
    expect(program.stderr).toMatch(/broken\.wav .*\[AUDIO_FILE_INVALID\]/);
  });

  it('a recording that cannot be written', async ({ expect }) => {
    const args = [
      '--mic',
      'null',
      '--speaker',
      'wav:/no/such/out.wav',
      '--say',
      'hi',
      '--turns',
      '1',
      '--events',
      '-',
    ];
    const program = startProgram(args);
    expect(await program.exited).toBe(4);
    expect(program.stderr).toMatch(/\/no\/such\/out\.wav .*AUDIO_DEVICE_MISSING/);
  });

  it('a sound device that does not exist', async ({ expect }) => {
    const program = startProgram(['--mic', 'portaudio:Kitchen Radio', '--speaker', 'null', '--turns', '1']);
    expect(await program.exited).toBe(4);
    expect(program.stderr).toMatch(/\[AUDIO_(DEVICE|BACKEND)_MISSING\]/);
  });

  it('a configuration with several faults, all told at once', async ({ expect }) => {
    const home = freshHome();
    writeFileSync(join(home, 'c.json'), '{"audio":{"volumePercent":200,"volum":1},"server":"gopher://x"}');
    const program = startProgram(['--config', 'c.json'], { home });
    expect(await program.exited).toBe(2);
    expect(program.stderr).toMatch(/audio\.volumePercent/);
    expect(program.stderr).toMatch(/audio\.volum\b/);
    expect(program.stderr).toMatch(/server/);
  });

  it('a configuration that is not JSON, or not there', async ({ expect }) => {
    const home = freshHome();
    mkdirSync(join(home, 'config/xiaozhi-speaker'), { recursive: true });
    writeFileSync(join(home, 'config/xiaozhi-speaker/config.json'), '{"audio":');
    const broken = startProgram([], { home });
    const absent = startProgram(['--config', 'nowhere.json']);
    expect([await broken.exited, await absent.exited]).toEqual([2, 2]);
    expect(broken.stderr).toMatch(/config\.json/);
    expect(absent.stderr).toMatch(/nowhere\.json/);
  });

  it('options that do not exist or have no such value', async ({ expect }) => {
    const runs = [
      ['--bogus'],
      ['--mode', 'loud'],
      ['--turns', 'many'],
      ['--mic', 'gramophone'],
      ['--set', 'no.such=1'],
      ['--server', 'gopher://x'],
      ['--server', 'cloud', 'doctor'],
      ['sing'],
    ];
    const programs = runs.map((args) => startProgram(args));
    expect(await Promise.all(programs.map(({ exited }) => exited))).toEqual(runs.map(() => 2));
    expect(programs.at(-1)?.stderr).toMatch(/there is no command "sing"/);
    expect(programs.at(-2)?.stderr).toMatch(/the command comes before its options: doctor/);
  });

  it('a chat server that is not there', async ({ expect }) => {
    const program = startProgram([
      ...sound,
      '--server',
      'ws://127.0.0.1:1/',
      '--turns',
      '1',
      '--events',
      '-',
      '--set',
      'server.recovery.attempts=1',
      '--set',
      'server.recovery.firstDelayMs=10',
    ]);
    expect(await program.exited).toBe(3);
    expect(program.eventsOf('error')[0]).toMatchObject({
      code: 'TRANSPORT_UNREACHABLE',
      retryable: true,
      message:
        'Cannot connect to 127.0.0.1:1: nothing is listening there. Check that the server runs, and server.url.',
    });
  });

  it('an OTA server that is not there, within the time that was allowed', async ({ expect }) => {
    const program = startProgram([
      ...sound,
      '--server',
      'http://127.0.0.1:1/xiaozhi/ota/',
      '--turns',
      '1',
      '--timeout',
      '5',
      '--events',
      '-',
    ]);
    expect(await program.exited).toBe(3);
    expect(program.eventsOf('error').map(({ code }) => code)).toEqual([
      'PROVISIONING_UNREACHABLE',
      'TURNS_TIMEOUT',
    ]);
  });

  it('a server that refuses the device', async ({ expect }) => {
    const program = startProgram([...sound, '--server', refusing.url, '--turns', '1', '--events', '-']);
    expect(await program.exited).toBe(1);
    expect(program.eventsOf('error').map(({ code }) => code)).toContain('TRANSPORT_REFUSED');
    expect(
      program.eventsOf('error').some(({ message }) => /认证失败.*server\.token/.test(String(message))),
    ).toBe(true);
  });

  it('a device that nobody activates', async ({ expect }) => {
    const program = startProgram([
      ...sound,
      '--server',
      otaUrl,
      '--turns',
      '1',
      '--timeout',
      '5',
      '--events',
      '-',
    ]);
    expect(await program.exited).toBe(5);
    expect(program.eventsOf('activation')).toMatchObject([{ code: '123456', message: 'Enter 123456' }]);
  });

  it('a time-out for no turns is not used, and that is said', async ({ expect }) => {
    const program = startProgram([...sound, '--timeout', '1', '--events', '-']);
    await program.until(() => /counts only together with a number of turns/.test(program.stderr));
    await program.until(() => program.eventsOf('state').length > 0);
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(143);
  });

  it('too little time', async ({ expect }) => {
    const program = startProgram([...sound, '--turns', '1', '--timeout', '3', '--events', '-']);
    expect(await program.exited).toBe(1);
    expect(program.eventsOf('error')).toMatchObject([
      {
        code: 'TURNS_TIMEOUT',
        message: expect.stringMatching(/^0 of 1 turns were finished within 3 s\. Allow more with --timeout/),
      },
    ]);
  });

  it('a certificate file that is not there', async ({ expect }) => {
    const program = startProgram([
      ...sound,
      '--server',
      'wss://127.0.0.1:1/',
      '--set',
      'server.caFile=/no/ca.pem',
      '--turns',
      '1',
    ]);
    expect(await program.exited).toBe(2);
    expect(program.stderr).toMatch(/server\.caFile.*\/no\/ca\.pem.*\[CONFIG_UNREADABLE\]/);
  });

  it('a second device on the same state directory', async ({ expect }) => {
    const home = freshHome();
    const first = startProgram([...sound, '--server', real.url, '--events', '-'], { home });
    await first.until(() => first.eventsOf('state').length > 0);
    const second = startProgram([...sound, '--server', real.url], { home });
    expect(await second.exited).toBe(1);
    expect(second.stderr).toMatch(
      new RegExp(`process ${first.child.pid}\\b.*paths\\.state=DIR.*\\[STATE_LOCKED\\]`),
    );
    first.child.kill('SIGTERM');
    expect(await first.exited).toBe(143);
    const third = startProgram([...sound, '--server', real.url, '--say', 'hi', '--turns', '1'], { home });
    expect(await third.exited).toBe(0);
  });
});

describe.concurrent('a device that is told to stop', { timeout: 60_000 }, () => {
  it.for([
    ['SIGINT', 130, '02:00:00:00:01:30'],
    ['SIGTERM', 143, '02:00:00:00:01:43'],
    ['SIGHUP', 129, '02:00:00:00:01:29'],
  ] as const)(
    'by %s in the middle of a conversation hangs up properly and exits %i',
    async ([signal, code, deviceId], { expect }) => {
      const program = startProgram([
        ...sound,
        '--server',
        real.url,
        '--start',
        '--events',
        '-',
        '--set',
        `identity.deviceId=${deviceId}`,
      ]);
      await program.until(() => program.eventsOf('state').at(-1)?.to === 'listening');
      program.child.kill(signal);
      expect(await program.exited).toBe(code);
      const peer = real.peers.find(({ headers }) => headers['device-id'] === deviceId);
      await vi.waitFor(() => expect(peer?.ended).toEqual({ code: 1000, reason: '' }), 10_000);
      expect(program.events.at(-1)?.type).toBe('audio');
      expect(program.stderr).not.toMatch(/"level":"(error|fatal)"/);
    },
  );

  it('by closing its terminal does so, too, by the signal or the end of its input', async ({ expect }) => {
    const home = freshHome();
    const device = [process.execPath, join(root, 'dist/main.js'), ...sound, '--server', real.url];
    const command = `trap '' HUP; '${[...device, '--start', '--events', 'events.jsonl'].join("' '")}'; echo $? > code`;
    const terminal = spawn('script', ['-qec', command, '/dev/null'], {
      cwd: home,
      env: { PATH: process.env.PATH, HOME: home, TERM: 'xterm' },
    });
    const written = (name: string) => readFileSync(join(home, name), 'utf8');
    await vi.waitFor(() => expect(written('events.jsonl')).toContain('"to":"listening"'), 20_000);
    terminal.kill('SIGKILL');
    await vi.waitFor(() => expect(written('code')).toMatch(/\n$/), 20_000);
    expect(['0\n', '129\n']).toContain(written('code'));
    expect(JSON.parse(written('events.jsonl').trimEnd().split('\n').at(-1) ?? '')).toMatchObject({
      type: 'audio',
    });
  });

  it('goes on without its terminal under nohup', async ({ expect }) => {
    const home = freshHome();
    // nohup puts this in the place of a terminal.
    const unreadable = openSync('/dev/null', 'w');
    const child = spawn(
      process.execPath,
      [join(root, 'dist/main.js'), ...sound, '--server', real.url, '--start', '--events', 'events.jsonl'],
      { cwd: home, env: { PATH: process.env.PATH, HOME: home }, stdio: [unreadable, 'ignore', 'ignore'] },
    );
    closeSync(unreadable);
    const exited = once(child, 'exit');
    const isListening = () => readFileSync(join(home, 'events.jsonl'), 'utf8').includes('"to":"listening"');
    await vi.waitFor(() => expect(isListening()).toBe(true), 20_000);
    child.kill('SIGHUP');
    await setTimeout(500);
    expect([child.exitCode, child.signalCode]).toEqual([null, null]);
    child.kill('SIGTERM');
    expect(await exited).toEqual([143, null]);
  });

  it('while it starts does so, too', async ({ expect }) => {
    const program = startProgram([...sound, '--server', otaUrl, '--events', '-']);
    await program.until(() => program.eventsOf('activation').length > 0);
    program.child.kill('SIGTERM');
    expect(await program.exited).toBe(143);
  });

  it('while a server stays silent does so, too', async ({ expect }) => {
    const mute = await startScriptedServer();
    const program = startProgram([...sound, '--server', mute.url, '--start', '--events', '-']);
    await program.until(() => mute.peers[0]?.texts.length === 1);
    program.child.kill('SIGINT');
    expect(await program.exited).toBe(130);
    await mute.stop();
  });
});

describe.concurrent('events', { timeout: 60_000 }, () => {
  it('that nobody reads do not keep the device from its turns', async ({ expect }) => {
    const program = startProgram(
      [...sound, '--server', real.url, '--say', 'a', '--turns', '1', '--events', '-'],
      { unread: true },
    );
    expect(await program.exited).toBe(0);
  });

  it('whose reader goes away do not either', async ({ expect }) => {
    const program = startProgram([
      ...sound,
      '--server',
      real.url,
      '--say',
      'a',
      '--turns',
      '1',
      '--events',
      '-',
    ]);
    await program.until(() => program.events.length > 0);
    program.child.stdout.destroy();
    expect(await program.exited).toBe(0);
    expect(program.stderr).toMatch(/EVENTS_ENDED/);
  });

  it('and reports whose reader goes away, as `doctor | head` does, end without a stack trace', async ({
    expect,
  }) => {
    const program = startProgram(['doctor', ...sound]);
    program.child.stdout.destroy();
    // Nobody has got the report.
    expect([await program.exited, program.stderr]).toEqual([1, '']);
  });

  it('for which the disk is full do not either', async ({ expect }) => {
    const program = startProgram([
      ...sound,
      '--server',
      real.url,
      '--say',
      'a',
      '--turns',
      '1',
      '--events',
      '/dev/full',
    ]);
    expect(await program.exited).toBe(0);
    expect(program.stderr).toMatch(/EVENTS_ENDED/);
  });

  it('for a pipe that nobody reads do not keep Ctrl-C from ending the program', async ({ expect }) => {
    const home = freshHome();
    const pipe = join(home, 'events.fifo');
    execFileSync('mkfifo', [pipe]);
    const program = startProgram([...sound, '--events', pipe], { home });
    await setTimeout(2000);
    program.child.kill('SIGINT');
    expect([await program.exited, program.stderr]).toEqual([130, '']);
  });

  it('that cannot be written at all are a mistake', async ({ expect }) => {
    const program = startProgram([...sound, '--events', '/no/such/events.jsonl']);
    expect(await program.exited).toBe(2);
    expect(program.stderr).toMatch(/\/no\/such\/events\.jsonl.*\[USAGE_INVALID\]/);
  });

  it('go to a file, one JSON object per line, time and type first', async ({ expect }) => {
    const home = freshHome();
    const program = startProgram(
      [...sound, '--server', real.url, '--say', 'a', '--turns', '1', '--events', 'events.jsonl'],
      { home },
    );
    expect(await program.exited).toBe(0);
    const lines = readFileSync(join(home, 'events.jsonl'), 'utf8').trimEnd().split('\n');
    expect(lines.map((line) => Object.keys(JSON.parse(line)).slice(0, 2))).toEqual(
      lines.map(() => ['t', 'type']),
    );
    expect(lines.length).toBeGreaterThan(10);
  });
});

describe.concurrent('a server that misbehaves in every way at once', { timeout: 60_000 }, () => {
  it('gets its errors reported, and the turn is finished all the same', async ({ expect }) => {
    const server = await startScriptedServer({
      onText: (peer, text) => {
        const message = JSON.parse(text) as { type: string; state?: string };
        if (message.type === 'hello') {
          peer.send('端口正常，如需测试连接，请启动digital-human测试');
          peer.send({ type: 'hello', transport: 'udp' });
          peer.socket.send(Buffer.alloc(70_000, 7));
          peer.send({ type: 'hello', transport: 'websocket', session_id: 's' });
          peer.send({ type: 'hello', transport: 'websocket', session_id: 's' });
        } else if (message.state === 'detect') {
          peer.send({ type: 'stt', text: 'x'.repeat(1_000_000) });
          peer.send({ type: 'tts', state: 'start' });
          for (let i = 0; i < 200; i++) peer.socket.send(Buffer.from([0xff, i, 0, 0xff]));
          peer.send({ type: 'tts', state: 'start' });
          peer.send({ type: 'tts' });
          peer.send({ type: 'glow', commands: [] });
          peer.send('[[[');
          peer.send({ type: 'tts', state: 'stop' });
          peer.send({ type: 'tts', state: 'stop' });
        }
      },
    });
    const program = startProgram([
      ...sound,
      '--server',
      server.url,
      '--say',
      'a',
      '--turns',
      '1',
      '--timeout',
      '20',
      '--events',
      '-',
    ]);
    expect(await program.exited).toBe(0);
    const codes = new Set(program.eventsOf('error').map(({ code }) => code));
    expect(codes).toEqual(new Set(['PROTOCOL_BAD_MESSAGE', 'OPUS_BAD_PACKET', 'PROTOCOL_UNKNOWN_TYPE']));
    expect(program.eventsOf('error').length).toBeLessThan(15);
    await server.stop();
  });

  it('that wants a restart again and again gets no more time by it', async ({ expect }) => {
    const server = await startScriptedServer({
      onText: (peer, text) => {
        const { type } = JSON.parse(text) as { type: string };
        if (type === 'hello') peer.send({ type: 'hello', transport: 'websocket', session_id: 's' });
        if (type === 'listen') peer.send({ type: 'system', command: 'reboot' });
      },
    });
    const program = startProgram([
      ...sound,
      '--server',
      server.url,
      '--turns',
      '1',
      '--timeout',
      '2',
      '--events',
      '-',
    ]);
    expect(await program.exited).toBe(1);
    expect(program.eventsOf('error')).toMatchObject([{ code: 'TURNS_TIMEOUT' }]);
    await server.stop();
  });

  it('that speaks to a device it does not know is heard, and the script is told by its exit code', async ({
    expect,
  }) => {
    const server = await startScriptedServer({
      onText: (peer, text) => {
        if (!text.includes('"hello"')) return;
        peer.send({ type: 'stt', text: '请登录控制面板，输入123456，绑定设备。' });
        peer.send({ type: 'tts', state: 'start' });
        for (const packet of answerPackets(300)) peer.socket.send(packet);
        peer.send({ type: 'tts', state: 'stop' });
      },
    });
    const program = startProgram([
      ...sound,
      '--server',
      server.url,
      '--say',
      'a',
      '--turns',
      '1',
      '--timeout',
      '20',
      '--events',
      '-',
    ]);
    expect(await program.exited).toBe(5);
    expect(program.eventsOf('error')).toMatchObject([
      { code: 'DEVICE_NOT_BOUND', message: expect.stringContaining('输入123456') },
    ]);
    expect(program.eventsOf('playback').map(({ phase }) => phase)).toEqual(['started', 'drained']);
    await server.stop();
  });

  it('that hangs up politely in every turn gets no more of them, and the script is told why', async ({
    expect,
  }) => {
    const server = await startScriptedServer({
      onText: (peer, text) => {
        const { type } = JSON.parse(text) as { type: string };
        if (type === 'hello') peer.send({ type: 'hello', transport: 'websocket', session_id: 's' });
        if (type === 'listen') peer.socket.close(1000);
      },
    });
    const program = startProgram([...sound, '--server', server.url, '--turns', '1', '--events', '-']);
    expect(await program.exited).toBe(1);
    expect(program.eventsOf('error')).toMatchObject([
      { code: 'TURNS_UNFINISHED', message: expect.stringMatching(/0 of 1 turns were finished/) },
    ]);
    await server.stop();
  });

  it('that never says hello is given up with the time it was given', async ({ expect }) => {
    const server = await startScriptedServer();
    const program = startProgram([
      ...sound,
      '--server',
      server.url,
      '--start',
      '--turns',
      '1',
      '--events',
      '-',
      '--set',
      'server.helloTimeoutMs=200',
      '--set',
      'server.recovery.attempts=0',
    ]);
    expect(await program.exited).toBe(3);
    expect(program.eventsOf('error')).toMatchObject([
      { code: 'TRANSPORT_TIMEOUT', message: expect.stringMatching(/said no hello within 0\.2 s/) },
    ]);
    await server.stop();
  });
});
