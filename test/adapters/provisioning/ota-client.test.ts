import { execFileSync } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtemp, readFile } from 'node:fs/promises';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { createOtaClient, type OtaClientSettings } from '../../../src/adapters/provisioning/ota-client.ts';
import { monotonicClock } from '../../../src/core/clock.ts';
import { ClientError } from '../../../src/core/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';

interface Seen {
  readonly method: string | undefined;
  readonly path: string | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

const device = {
  deviceId: '02:00:5e:10:20:30',
  clientId: '1f6c3a52-7a10-4c27-9a0f-6d5d0c1e2b3a',
  boardType: 'xiaozhi-speaker-linux',
  boardName: 'my-board',
  language: 'zh-CN',
  version: '1.2.3',
};

const facts = {
  chipModel: 'Test CPU',
  cores: 4,
  freeMemoryBytes: 8_318_916,
  storageBytes: 16_777_216,
  program: { builtAt: new Date('2026-08-08T08:33:45Z'), sha256: 'ab'.repeat(32) },
  network: { wireless: false, ip: '192.168.1.5' },
};

const never = new AbortController().signal;

function client(url: string, settings: Partial<OtaClientSettings> = {}) {
  return createOtaClient({
    url,
    device,
    wrapActivationPayload: false,
    clock: monotonicClock,
    wallClock: () => 1_000_000,
    systemFacts: () => Promise.resolve(facts),
    ...settings,
  });
}

/** A server that notes what it is asked and lets the test answer. */
async function serve(
  answer: (seen: Seen, response: ServerResponse) => void,
  secure?: { key: string; cert: string },
) {
  const seen: Seen[] = [];
  const listener: RequestListener = async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const one = { method: request.method, path: request.url, headers: request.headers, body };
    seen.push(one);
    answer(one, response);
  };
  const server: Server = secure ? createSecureServer(secure, listener) : createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  const { port } = server.address() as AddressInfo;
  return { seen, port, url: `http${secure ? 's' : ''}://127.0.0.1:${port}/xiaozhi/ota/` };
}

const json =
  (value: unknown, status = 200) =>
  (_: Seen, response: ServerResponse) => {
    response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(value));
  };

async function failure(promise: Promise<unknown>): Promise<ClientError> {
  const thrown = await promise.then(
    () => undefined,
    (error: unknown) => error,
  );
  expect(thrown).toBeInstanceOf(ClientError);
  return thrown as ClientError;
}

describe('the check', () => {
  test('is one POST as the firmware sends it, with the values of this computer', async () => {
    const { url, seen } = await serve(json({}));
    await client(url).check(never);
    const [{ method, path, headers, body }] = seen as [Seen];
    expect([method, path]).toEqual(['POST', '/xiaozhi/ota/']);
    expect(headers).toEqual({
      host: expect.any(String),
      'activation-version': '1',
      'device-id': '02:00:5e:10:20:30',
      'client-id': '1f6c3a52-7a10-4c27-9a0f-6d5d0c1e2b3a',
      'user-agent': 'my-board/1.2.3',
      'accept-language': 'zh-CN',
      'content-type': 'application/json',
      connection: 'close',
      'content-length': String(Buffer.byteLength(body)),
    });
    expect(body).toBe(
      '{"version":2,"language":"zh-CN","flash_size":16777216,"minimum_free_heap_size":"8318916",' +
        '"mac_address":"02:00:5e:10:20:30","uuid":"1f6c3a52-7a10-4c27-9a0f-6d5d0c1e2b3a","chip_model_name":"Test CPU",' +
        '"chip_info":{"model":0,"cores":4,"revision":0,"features":0},' +
        `"application":{"name":"xiaozhi","version":"1.2.3","compile_time":"Aug  8 2026T08:33:45Z","idf_version":"${process.version}","elf_sha256":"${'ab'.repeat(32)}"},` +
        '"partition_table":[],"ota":{"label":"app"},"display":{"monochrome":false,"width":0,"height":0},' +
        '"board":{"type":"xiaozhi-speaker-linux","name":"my-board","manufacturer":"linux","network":"ethernet","ip":"192.168.1.5","mac":"02:00:5e:10:20:30"}}',
    );
  });

  test('of a device with a serial number says so', async () => {
    const { url, seen } = await serve(json({}));
    await client(url, { device: { ...device, serialNumber: 'SN-1' } }).check(never);
    expect(seen[0]?.headers).toMatchObject({ 'activation-version': '2', 'serial-number': 'SN-1' });
  });

  test('says no size that servers cannot read into 32 bits, however large this computer is', async () => {
    const { url, seen } = await serve(json({}));
    const large = { ...facts, storageBytes: 512e9, freeMemoryBytes: 32e9 };
    await client(url, { systemFacts: async () => large }).check(never);
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({
      flash_size: 2_147_483_647,
      minimum_free_heap_size: '2147483647',
    });
  });

  test('finds out about this computer by itself', async () => {
    const { url, seen } = await serve(json({}));
    await createOtaClient({ url, device, wrapActivationPayload: false, clock: monotonicClock }).check(never);
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({
      flash_size: expect.any(Number),
      minimum_free_heap_size: expect.stringMatching(/^\d+$/),
      chip_info: { cores: expect.any(Number) },
      application: {
        compile_time: expect.stringMatching(/^[A-Z][a-z]{2} [ \d]\d \d{4}T\d\d:\d\d:\d\dZ$/),
        elf_sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
      },
    });
  });

  test('returns what the server told', async () => {
    const { url } = await serve(
      json({
        websocket: { url: 'wss://host/v1/', token: 't' },
        server_time: { timestamp: 1_003_000, timezone_offset: 480 },
      }),
    );
    expect(await client(url).check(never)).toMatchObject({
      websocket: { url: 'wss://host/v1/', token: 't', version: 1 },
      clockOffsetMs: 3000,
      timezoneOffsetMinutes: 480,
    });
  });

  test('does not follow a redirect but names its target, without the query', async () => {
    const { url, seen } = await serve((_, response) =>
      response.writeHead(301, { Location: 'https://other.example/ota/?token=secret' }).end(),
    );
    expect(await failure(client(url).check(never))).toMatchObject({
      code: 'PROVISIONING_REFUSED',
      retryable: false,
      message: `${url} sends us on to https://other.example/ota/ (status 301), which devices do not follow. Set server.url to https://other.example/ota/ if you trust it.`,
    });
    expect(seen).toHaveLength(1);
  });

  test.each([
    [
      302,
      { Location: 'http://login.example/?back=secret' },
      '',
      'sends us on to http://login.example/ (status 302)',
    ],
    [200, { 'Content-Type': 'text/html' }, '<!DOCTYPE html><title>Log in</title>', '(status 200)'],
    [511, {}, '<html></html>', '(status 511)'],
  ])('takes status %i with %j for a network that asks to log in', async (status, headers, body, words) => {
    const { url } = await serve((_, response) => response.writeHead(status, headers).end(body));
    const error = await failure(client(url).check(never));
    expect(error).toMatchObject({ code: 'PROVISIONING_UNREACHABLE', retryable: true });
    expect((error as Error).message).toContain('this network asks you to log in');
    expect((error as Error).message).toContain(words);
    expect((error as Error).message).not.toContain('secret');
  });

  test('follows no redirect to another path of the same server either, and names it', async () => {
    const { url } = await serve((_, response) => response.writeHead(302, { Location: '/ota/v2/' }).end());
    expect(await failure(client(url).check(never))).toMatchObject({
      code: 'PROVISIONING_REFUSED',
      message: expect.stringContaining('/ota/v2/ (status 302), which devices do not follow'),
    });
  });

  test('that fails with words in the body passes them on', async () => {
    const { url } = await serve((_, response) => response.writeHead(403).end('{"msg":"device disabled"}'));
    expect(await failure(client(url).check(never))).toMatchObject({
      message: expect.stringContaining('It said: “device disabled”.'),
    });
  });

  test.each([
    [404, 'PROVISIONING_REFUSED', false, 'with the last slash'],
    [403, 'PROVISIONING_REFUSED', false, 'Ask its operator'],
    [204, 'PROVISIONING_REFUSED', false, 'status 204'],
    [503, 'PROVISIONING_REFUSED', true, 'try again later'],
  ])('with status %i fails as %s', async (status, code, retryable, words) => {
    const { url } = await serve((_, response) => response.writeHead(status).end());
    expect(await failure(client(url).check(never))).toMatchObject({
      code,
      retryable,
      message: expect.stringContaining(words),
    });
  });

  test('of a server with a boundless answer ends at 64 KiB', async () => {
    const { url } = await serve((_, response) => {
      response.writeHead(200);
      const more = () => {
        while (!response.destroyed && response.write('x'.repeat(16_384)));
      };
      response.on('drain', more).on('error', () => {});
      more();
    });
    expect(await failure(client(url).check(never))).toMatchObject({ code: 'PROVISIONING_BAD_ANSWER' });
  });

  test('of a server that accepts and stays silent ends after 30 s', async () => {
    const clock = new FakeClock();
    const events = new EventEmitter();
    const asked = once(events, 'asked');
    const { url } = await serve(() => events.emit('asked'));
    const check = failure(client(url, { clock }).check(never));
    await asked;
    clock.advance(29_999);
    expect(clock.pendingTimers).toBe(1);
    clock.advance(1);
    expect(await check).toMatchObject({ code: 'PROVISIONING_UNREACHABLE', retryable: true });
    expect(clock.pendingTimers).toBe(0);
  });

  test('gives the body 30 s of its own', async () => {
    const clock = new FakeClock();
    const arm = clock.setTimeout;
    let answer: ServerResponse | undefined;
    clock.setTimeout = (callback, delayMs) => {
      const timer = arm(callback, delayMs);
      if (!answer) return timer;
      clock.advance(29_000);
      answer.end('{}');
      return timer;
    };
    const { url } = await serve((_, response) => {
      clock.advance(29_000);
      answer = response;
      response.writeHead(200).flushHeaders();
    });
    expect(await client(url, { clock }).check(never)).toMatchObject({});
    expect(clock.pendingTimers).toBe(0);
  });

  test('can be aborted at any time and leaves no timer', async () => {
    const clock = new FakeClock();
    const abort = new AbortController();
    const { url } = await serve(() => abort.abort());
    await expect(client(url, { clock }).check(abort.signal)).rejects.toThrow('abort');
    await expect(client(url, { clock }).check(abort.signal)).rejects.toThrow('abort');
    expect(clock.pendingTimers).toBe(0);
  });
});

describe('a server that cannot be reached', () => {
  test('because nothing listens there', async () => {
    const { url, port } = await serve(json({}));
    await Promise.all(closers.splice(0).map((close) => close()));
    expect(await failure(client(url).check(never))).toMatchObject({
      code: 'PROVISIONING_UNREACHABLE',
      retryable: true,
      message: `Nothing listens at 127.0.0.1:${port}. Check that the server runs, and the port in server.url.`,
    });
  });

  test('because its name is unknown', async () => {
    expect(await failure(client('http://no-such-host.invalid/xiaozhi/ota/').check(never))).toMatchObject({
      code: 'PROVISIONING_UNREACHABLE',
      message: expect.stringContaining('The name no-such-host.invalid could not be looked up'),
    });
  });

  test.each([
    ['something that is not HTTP', 'SSH-2.0-OpenSSH_9.2\r\n', 'PROVISIONING_BAD_ANSWER'],
    ['a connection closed at once', '', 'PROVISIONING_UNREACHABLE'],
    ['half an answer', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"web', 'PROVISIONING_UNREACHABLE'],
  ])('because of %s', async (_, bytes, code) => {
    const server = createTcpServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(bytes));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    closers.push(() => new Promise((resolve) => server.close(resolve)));
    const { port } = server.address() as AddressInfo;
    expect((await failure(client(`http://127.0.0.1:${port}/ota/`).check(never))).code).toBe(code);
  });

  test('because the address is none', () => {
    for (const url of ['http://x', 'ftp://host/ota/', 'https://', ''])
      expect(() => client(url)).toThrowError(expect.objectContaining({ code: 'CONFIG_INVALID' }));
  });
});

describe('TLS', () => {
  const certificate = async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tls-'));
    const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
    const subject = ['-subj', '/CN=test', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'];
    const options = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    execFileSync('openssl', [...options, '-keyout', key, '-out', cert, ...subject], { stdio: 'ignore' });
    return { key: await readFile(key, 'utf8'), cert: await readFile(cert, 'utf8') };
  };

  test('a certificate nobody vouches for is refused, and an authority of the user admits it', async () => {
    const pair = await certificate();
    const { url, seen } = await serve(json({ websocket: { url: 'wss://host/' } }), pair);
    expect(await failure(client(url).check(never))).toMatchObject({
      code: 'PROVISIONING_UNREACHABLE',
      retryable: false,
      message: expect.stringContaining('set server.caFile'),
    });
    expect(seen).toEqual([]);
    expect((await client(url, { authorities: [pair.cert] }).check(never)).websocket?.url).toBe('wss://host/');
    expect(
      await failure(client(url.replace('127.0.0.1', 'localhost'), { authorities: [pair.cert] }).check(never)),
    ).toMatchObject({ message: expect.stringContaining('belongs to another name') });
  });

  test('https to a plain HTTP port is told apart', async () => {
    const { url } = await serve(json({}));
    expect(await failure(client(url.replace('http:', 'https:')).check(never))).toMatchObject({
      message: expect.stringContaining('Write http:// in place of https://'),
    });
  });
});

describe('activation', () => {
  const key = Buffer.from(Array.from({ length: 32 }, (_, index) => index + 1)).toString('hex');
  const provisioned = { ...device, serialNumber: 'SN-1', hmacKey: key };
  const hmac = '9c7ce22e24a42161a9daff3e88f02e26fd7ebabcbba67c2d243d584111b76e5c';

  test('of a device without a serial number posts an empty object', async () => {
    const { url, seen } = await serve(json({}));
    expect(await client(url).activate({ challenge: 'c' }, never)).toBe('activated');
    expect(seen[0]).toMatchObject({ method: 'POST', path: '/xiaozhi/ota/activate', body: '{}' });
  });

  test('of a provisioned device answers the challenge, flat', async () => {
    const { url, seen } = await serve(json({}));
    await client(url, { device: provisioned }).activate({ challenge: 'test-challenge' }, never);
    expect(seen[0]?.body).toBe(
      `{"algorithm":"hmac-sha256","serial_number":"SN-1","challenge":"test-challenge","hmac":"${hmac}"}`,
    );
    expect(seen[0]?.headers).toMatchObject({ 'activation-version': '2', 'serial-number': 'SN-1' });
  });

  test('is wrapped where a server wants that', async () => {
    const { url, seen } = await serve(json({}));
    const settings = { device: provisioned, wrapActivationPayload: true };
    await client(url, settings).activate({ challenge: 'test-challenge' }, never);
    expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
      Payload: { algorithm: 'hmac-sha256', serial_number: 'SN-1', challenge: 'test-challenge', hmac },
    });
  });

  test('without a key sends an empty hmac', async () => {
    const { url, seen } = await serve(json({}));
    await client(url, { device: { ...device, serialNumber: 'SN-1' } }).activate({ challenge: 'c' }, never);
    expect(JSON.parse(seen[0]?.body ?? '')).toMatchObject({ hmac: '' });
  });

  test('goes to /activate below the OTA URL, whose query it keeps', async () => {
    const { url, seen } = await serve(json({}));
    await client(`${url.slice(0, -1)}?a=b`).activate({ challenge: 'c' }, never);
    expect(seen[0]?.path).toBe('/xiaozhi/ota/activate?a=b');
  });

  test('without a challenge fails without asking', async () => {
    const { url, seen } = await serve(json({}));
    expect(await client(url).activate({ code: '123456' }, never)).toBe('failed');
    expect(seen).toEqual([]);
  });

  test.each([
    [200, 'activated'],
    [202, 'pending'],
    [404, 'failed'],
    [500, 'failed'],
  ])('answered with status %i is %s', async (status, outcome) => {
    const { url } = await serve(json({}, status));
    expect(await client(url).activate({ challenge: 'c' }, never)).toBe(outcome);
  });

  test('at a server that is away fails, and rejects only for an abort', async () => {
    const { url } = await serve(json({}));
    await Promise.all(closers.splice(0).map((close) => close()));
    expect(await client(url).activate({ challenge: 'c' }, never)).toBe('failed');
    await expect(client(url).activate({ challenge: 'c' }, AbortSignal.abort())).rejects.toThrow('abort');
  });
});
