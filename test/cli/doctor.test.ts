import { once } from 'node:events';
import { chmod, mkdtemp, readdir, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BETTER_CODEC_LINE, chooseOpusCodec } from '../../src/app-codec.ts';
import { checkNode } from '../../src/cli/doctor/program-checks.ts';
import { type DoctorOptions, doctorAction } from '../../src/cli/doctor.ts';
import { runAction } from '../support/cli-run.ts';
import { startScriptedServer } from '../support/scripted-server.ts';

let home: string;
const closers: (() => void)[] = [];
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'doctor-'));
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const doctor = (options: DoctorOptions = {}, env: Record<string, string> = {}) =>
  runAction(
    doctorAction,
    { mic: 'null', speaker: 'null', ...options },
    { XDG_CONFIG_HOME: home, XDG_STATE_HOME: home, ...env },
  );

async function serveOta(answer: unknown): Promise<string> {
  const server = createServer((_, response) => response.end(JSON.stringify(answer))).listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/xiaozhi/ota/`;
}

/** Which codec it is depends on what could be installed. */
async function codecLines(): Promise<string[]> {
  const { binding, passedOver } = await chooseOpusCodec();
  if (passedOver.length === 0) return [`✓ Opus codec: ${binding}`];
  return [
    `! Opus codec: ${binding}, which works and costs more.`,
    ...passedOver.map((reason) => `    ${reason}`),
    `    → ${BETTER_CODEC_LINE}`,
  ];
}

test('a computer with nothing configured can run, and nothing is written to find that out', async () => {
  const { code, stdout } = await doctor();
  expect(stdout.split('\n')).toEqual([
    `✓ Node.js: ${process.versions.node}`,
    ...(await codecLines()),
    expect.stringMatching(/^✓ Native add-on: /),
    '✓ Configuration: no file, which is fine',
    `✓ State directory: ${home}/xiaozhi-speaker`,
    '✓ Microphone: null',
    '✓ Loudspeaker: null',
    '✓ Network: not needed: the demo server is in this process',
    '',
    'The device can run.',
    '',
  ]);
  expect(code).toBe(0);
  expect(await readdir(home)).toEqual([]);
});

test('damaged entries of tools and servers are told; the device runs without them', async () => {
  const file = join(home, 'config.json');
  await writeFile(file, JSON.stringify({ tunnels: { url: 'wss://a/', tokne: 'hush' }, customMCP: 5 }));
  const { code, stdout } = await doctor({ config: file });
  expect(stdout).toContain(
    [
      `✓ Configuration: ${file}`,
      '! Configuration: These entries are not right and are left out, the rest works:',
      '    customMCP: must be an object, such as {"tools": […]}',
      '    tunnels.token: must be a token without spaces',
      '    tunnels.tokne: unknown key, did you mean "token"?',
      '    → config/README.md and the pages it names explain every key.',
      '✓ State directory',
    ].join('\n'),
  );
  expect([code, stdout.includes('hush')]).toEqual([0, false]);
});

test('a broken configuration is reported with its faults, and the rest is examined all the same', async () => {
  const { code, stdout } = await doctor({ mode: 'loud' });
  expect(code).toBe(1);
  expect(stdout).toContain('✗ Configuration: The configuration has a fault:');
  expect(stdout).toContain('conversation.mode: found "loud"');
  expect(stdout).toContain('✓ State directory');
  expect(stdout).toContain('The device cannot run');
});

test('an OTA server that answers is shown with what it offers, and no token', async () => {
  const server = await serveOta({ websocket: { url: 'wss://host/v1/?t=hush', token: 'hush' } });
  const { code, stdout } = await doctor({ server });
  expect(stdout).toMatch(
    /✓ Network: 127\.0\.0\.1 is 127\.0\.0\.1 \(\d+ ms\)\n✓ Network: connection to 127\.0\.0\.1:\d+ \(\d+ ms\)/,
  );
  expect(stdout).toMatch(
    /✓ OTA server: http:\/\/127\.0\.0\.1:\d+\/xiaozhi\/ota\/ answered in \d+ ms and offers WebSocket at wss:\/\/host\/v1\/\n/,
  );
  expect(stdout).not.toContain('hush');
  expect(code).toBe(0);
});

test('a device that is not activated yet is told its code', async () => {
  const server = await serveOta({ websocket: { url: 'wss://host/v1/' }, activation: { code: '123456' } });
  const { code, stdout } = await doctor({ server });
  expect(stdout).toContain(
    "This device is not activated yet.\n    → Add it in the server's console with the code 123456.",
  );
  expect(code).toBe(0);
});

test('a server that does not know its own address cannot be used', async () => {
  const { code, stdout } = await doctor({ server: await serveOta({ websocket: { url: '' } }) });
  expect(stdout).toContain('✗ OTA server');
  expect(code).toBe(1);
});

test('a server that is away is a fault, but only a note for a device that knows where to connect', async () => {
  const server = await serveOta({ websocket: { url: 'wss://host/v1/' } });
  for (const close of closers.splice(0)) close();
  const away = await doctor({ server });
  expect(away.stdout).toContain('✗ Network: Nothing listens at 127.0.0.1');
  expect(away.code).toBe(1);

  const deviceId = '02:00:5e:10:20:30';
  const record = {
    deviceId,
    lastAnswer: { url: server, deviceId, websocket: { url: 'wss://h/', token: '', version: 1 } },
  };
  await writeFile(join(home, 'identity.json'), JSON.stringify(record));
  const known = await doctor({ server, set: [`paths.state=${home}`] });
  expect(known.stdout).toContain('! Network: Nothing listens at 127.0.0.1');
  expect(known.stdout).toContain('the device starts with its last good answer');
  expect(known.code).toBe(0);
});

test('a state directory that others may write into is a note', async () => {
  await chmod(home, 0o777);
  const { stdout } = await doctor({ set: [`paths.state=${home}`] });
  expect(stdout).toContain(`! State directory: ${home} can be written by other users.`);
  expect((await stat(home)).mode & 0o777).toBe(0o777);
});

test('a state directory that cannot be is a fault, a damaged file in it a note', async () => {
  await writeFile(join(home, 'file'), '');
  const bad = await doctor({ set: [`paths.state=${home}/file/state`] });
  expect(bad.stdout).toContain('✗ State directory');
  expect(bad.code).toBe(1);

  await writeFile(join(home, 'identity.json'), '{');
  const damaged = await doctor({ set: [`paths.state=${home}`] });
  expect(damaged.stdout).toMatch(
    /! State directory: .*identity\.json is not valid JSON\. It has been set aside/,
  );
  expect(damaged.code).toBe(0);
});

test('a recording that is not there is a fault with its path', async () => {
  const { code, stdout } = await doctor({ mic: `wav:${home}/missing.wav` });
  expect(stdout).toMatch(
    /✗ Microphone: wav:.*missing\.wav cannot be used\.\n {4}→ .* does not exist; check the path\.\n/,
  );
  expect(code).toBe(1);
});

test('a computer without sound can run the embedded demo, but not a real conversation', async () => {
  const automatic = { mic: 'auto', speaker: 'auto', set: [`paths.state=${home}`] };
  const { stdout } = await doctor(automatic);
  expect(stdout).toMatch(/[✓!] Microphone: /);
  expect(stdout).not.toContain('✗ Microphone');
});

/** A sound server, as far as its list goes. */
async function serverWith(source: string, sink: string): Promise<Record<string, string>> {
  const script = `#!/bin/sh\ncase $2 in sources) echo 'Source #1'; name=${source};; *) echo 'Sink #1'; name=${sink};; esac\nprintf '\\tName: %s\\n' $name\n`;
  await writeFile(join(home, 'pactl'), script);
  await writeFile(join(home, 'parec'), '#!/bin/sh\n');
  await chmod(join(home, 'pactl'), 0o755);
  await chmod(join(home, 'parec'), 0o755);
  return { PATH: `${home}:/bin:/usr/bin`, PULSE_SERVER: 'tcp:nowhere', HOME: home };
}

test('a microphone that the sound server does not have is a fault, with those it has', async () => {
  const env = await serverWith('desk', 'tv');
  expect((await doctor({ mic: 'record:desk' }, env)).stdout).toContain('✓ Microphone: record:desk\n');
  const { code, stdout } = await doctor({ mic: 'record:sofa' }, env);
  expect(stdout).toMatch(
    /✗ Microphone: record:sofa cannot be used\.\n {4}→ .* no device "sofa" \(it has: desk\)/,
  );
  expect(code).toBe(1);
});

test('what auto takes is told with the reason', async () => {
  const { stdout } = await doctor({ mic: 'auto' }, await serverWith('desk', 'tv'));
  expect(stdout).toMatch(/✓ Microphone: record:desk, found .*; recorded by parec; it is ".*"\n/);
});

test('a sound server that should be there and does not answer is told of, and waited for', async () => {
  const env = { ...(await serverWith('desk', 'tv')), PULSE_SERVER: 'unix:/nowhere' };
  const { stdout } = await doctor({ mic: 'auto', server: 'wss://127.0.0.1:9/' }, env);
  expect(stdout).toMatch(
    /! Microphone: .* not there yet \(the PulseAudio server of PULSE_SERVER does not answer at \/nowhere\)/,
  );
});

test('echo cancelling by a sound server that has none is a fault with the command', async () => {
  const options = { mic: 'auto', speaker: 'auto', set: ['audio.aec=system'] };
  const { code, stdout } = await doctor(options, await serverWith('desk', 'tv'));
  expect(stdout).toMatch(/✗ Echo cancelling: .*pactl load-module module-echo-cancel/);
  expect(code).toBe(1);
});

test('a wake word that cannot be heard is a fault', async () => {
  const { code, stdout } = await doctor({ set: [`wakeWord.modelDirectory=${home}`] });
  expect(stdout).toMatch(/✗ Voice: Cannot use the wake word model in .*fetch-wakeword-model/);
  expect(code).toBe(1);
});

test('what is said at the start of a run is a note', async () => {
  const { code, stdout } = await doctor({ mode: 'realtime' });
  expect(stdout).toContain('! Voice: In realtime mode without echo cancelling');
  expect(code).toBe(0);
});

test('an old Node is a fault', () => {
  expect(checkNode('18.19.0').level).toBe('fault');
  expect(checkNode('24.1.0').level).toBe('ok');
});

test('every access point is asked whether it takes this device, and none of them is a fault', async () => {
  const taking = await startScriptedServer();
  const refusing = await startScriptedServer({
    onPeer: (peer) => peer.socket.close(1008, 'token解密失败'),
  });
  const gone = await startScriptedServer();
  await gone.stop();
  const file = join(home, 'points.json');
  const point = (name: string, { port }: { port: number }) => ({
    name,
    url: `ws://127.0.0.1:${port}/mcp/?token=hush`,
  });
  await writeFile(
    file,
    JSON.stringify({
      mcpEndpoint: [point('one', taking), point('two', refusing), point('three', gone)],
    }),
  );
  const { code, stdout } = await doctor({ config: file });
  expect(stdout).toMatch(/✓ Access point: one at ws:\/\/127\.0\.0\.1:\d+\S* takes this device/u);
  expect(stdout).toMatch(/Access point: two at \S+ refuses this device: token解密失败\./u);
  expect(stdout).toMatch(/Access point: three at \S+ cannot be reached: nothing is listening there\./u);
  expect(stdout).not.toContain('hush');
  expect(code).toBe(0);
  await taking.stop();
  await refusing.stop();
});
