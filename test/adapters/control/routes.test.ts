import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { approveHeld, endControls, ForeignServer, startControl } from '../../support/control.ts';
import { requestControl } from '../../support/control-request.ts';
import { tool } from '../../support/mcp-parts.ts';
import { faultOf, type OpenApiDocument } from '../../support/openapi.ts';

afterEach(endControls);

const calculator = {
  name: 'calculator',
  description: 'Adds numbers.',
  executable: 'cat',
  inputSchema: { type: 'object', properties: { a: { type: 'number' } } },
};

/** Asks, and holds request and answer against the document that the device serves. */
function documented(socketPath: string) {
  let document: OpenApiDocument | undefined;
  return async (method: 'GET' | 'POST' | 'DELETE', path: string, request?: unknown) => {
    document ??= (await requestControl({ socketPath }, 'GET', '/v1/openapi.json')).json as OpenApiDocument;
    const { status, json: answer } = await requestControl({ socketPath }, method, path, { body: request });
    expect(faultOf(document, { method, path, status, request, answer })).toBeUndefined();
    return { status, answer };
  };
}

const refused = (status: number, code: string) => ({
  status,
  answer: { error: { code, message: expect.any(String) } },
});

let device: Awaited<ReturnType<typeof startControl>>;
let ask: ReturnType<typeof documented>;

beforeEach(async () => {
  const echo = tool({ name: 'echo', run: (args) => Promise.resolve({ kind: 'json', value: args }) });
  const picture = tool({
    name: 'picture',
    run: () => Promise.resolve({ kind: 'image', base64: 'AAAA', mimeType: 'image/jpeg' }),
  });
  const slow = tool({ name: 'slow', mode: 'background', run: (_, { signal }) => untilAborted(signal) });
  device = await startControl({
    tools: [echo, picture, slow],
    foreign: new ForeignServer('First.', 'Second.'),
  });
  ask = documented(device.socketPath);
});

const untilAborted = (signal: AbortSignal) =>
  new Promise<never>((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));

describe('the routes, as the served document has them', () => {
  it('tell health, status and links', async () => {
    expect(await ask('GET', '/v1/health')).toEqual({ status: 200, answer: { status: 'ok' } });
    expect((await ask('GET', '/v1/status')).answer).toEqual({
      state: 'idle',
      version: expect.any(String),
      uptimeMs: expect.any(Number),
      volumePercent: 70,
      muted: false,
      microphoneMuted: false,
      mode: 'auto',
      tools: { offered: 3, held: 0 },
    });
    const home = {
      name: 'home',
      url: 'wss://api.example/mcp/?…',
      state: 'connected',
      calls: 3,
      toolCount: 2,
    } as const;
    const work = {
      name: 'work',
      url: 'wss://tunnel.example/',
      state: 'waiting',
      calls: 0,
      nextAttemptInMs: 500,
    } as const;
    device.accessPoints.push(home);
    device.tunnels.push(work);
    expect((await ask('GET', '/v1/access-points')).answer).toEqual({
      accessPoints: [
        { kind: 'access-point', ...home },
        { kind: 'tunnel', ...work },
      ],
    });
  });

  it('list and call tools: whole results, pictures, tasks', async () => {
    device.access.replace({ allow: ['*'], deny: ['picture'] });
    const { answer } = (await ask('GET', '/v1/tools')) as {
      answer: { tools: { name: string; state: string }[] };
    };
    expect(answer.tools.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'echo offered',
      'picture denied',
      'slow offered',
    ]);
    expect(answer.tools[0]).toEqual({
      name: 'echo',
      description: '',
      inputSchema: { type: 'object' },
      source: 'custom',
      group: 'test',
      mode: 'sync',
      audience: 'model',
      state: 'offered',
    });
    const words = { args: { words: 'x'.repeat(5000) } };
    expect(await ask('POST', '/v1/tools/echo/call', words)).toEqual({
      status: 200,
      answer: { status: 'done', output: { kind: 'json', value: words.args } },
    });
    expect(await ask('POST', '/v1/tools/picture/call', {})).toEqual(refused(404, 'TOOL_UNKNOWN'));
    device.access.replace({ allow: ['*'], deny: [] });
    expect((await ask('POST', '/v1/tools/picture/call', {})).answer).toEqual({
      status: 'done',
      output: { kind: 'image', base64: 'AAAA', mimeType: 'image/jpeg' },
    });
  });

  it('start, show and cancel tasks', async () => {
    expect((await ask('POST', '/v1/tools/slow/call', {})).answer).toEqual({
      status: 'started',
      taskId: 't1',
    });
    expect((await ask('GET', '/v1/tasks')).answer).toEqual({
      tasks: [{ id: 't1', tool: 'slow', state: 'running', acceptedAtMs: expect.any(Number) }],
    });
    expect((await ask('GET', '/v1/tasks/t1')).answer).toMatchObject({
      id: 't1',
      channel: 'api',
      args: {},
      text: '',
    });
    expect((await ask('POST', '/v1/tasks/t1/cancel')).status).toBe(200);
    await vi.waitFor(() => expect(device.tasks.get('t1')?.state).toBe('cancelled'));
    expect(await ask('POST', '/v1/tasks/t1/cancel')).toEqual(refused(409, 'CONFLICT'));
    expect(await ask('GET', '/v1/tasks/t99')).toEqual(refused(404, 'NOT_FOUND'));
    expect(await ask('GET', '/v1/tasks/nonsense')).toEqual(refused(400, 'BAD_REQUEST'));
  });

  it('install a tool, hold it until it is approved, and remove it', async () => {
    expect((await ask('POST', '/v1/tools', calculator)).answer).toMatchObject({
      name: 'calculator',
      state: 'held',
    });
    expect(await ask('POST', '/v1/tools/calculator/call', { args: {} })).toEqual(
      refused(404, 'TOOL_UNKNOWN'),
    );
    expect(await ask('POST', '/v1/tools/calculator/approve')).toMatchObject(refused(409, 'CONFLICT'));
    expect(await approveHeld(device.ask, 'tools', 'calculator')).toMatchObject({ state: 'offered' });
    expect((await ask('POST', '/v1/tools/calculator/call', { args: { a: 1 } })).answer).toEqual({
      status: 'done',
      output: { kind: 'json', value: { a: 1 } },
    });
    expect((await ask('DELETE', '/v1/tools/calculator')).status).toBe(200);
    expect(await ask('DELETE', '/v1/tools/calculator')).toEqual(refused(404, 'NOT_FOUND'));
    expect(await ask('DELETE', '/v1/tools/echo')).toEqual(refused(409, 'CONFLICT'));
    expect(await ask('POST', '/v1/tools/nothing/approve')).toEqual(refused(404, 'NOT_FOUND'));
  });

  it('refuse tools that are wrong or whose name is taken, and show no value', async () => {
    const wrong = {
      ...calculator,
      executable: undefined,
      type: 'http',
      url: 'ftp://me:hunter2@host',
      foo: 1,
    };
    const { status, answer } = await ask('POST', '/v1/tools', wrong);
    expect(status).toBe(400);
    expect(JSON.stringify(answer)).toContain('url: must be an http');
    expect(JSON.stringify(answer)).not.toContain('hunter2');
    expect(await ask('POST', '/v1/tools', { ...calculator, name: 'echo' })).toEqual(refused(409, 'CONFLICT'));
    expect(await ask('POST', '/v1/tools', {})).toEqual(refused(400, 'BAD_REQUEST'));
    expect(await ask('POST', '/v1/tools', [])).toEqual(refused(400, 'BAD_REQUEST'));
    const misspelt = await ask('POST', '/v1/tools/echo/call', { arguments: {} });
    expect(misspelt).toEqual(refused(400, 'BAD_REQUEST'));
    expect(JSON.stringify(misspelt.answer)).toContain('body: must have no \\"arguments\\"');
  });

  it('mount a server, hold its tools, and do with it what can be done', async () => {
    expect(
      (await ask('POST', '/v1/mounts', { name: 'files', command: 'files-server' })).answer,
    ).toMatchObject({
      name: 'files',
      origin: 'installed',
    });
    await vi.waitFor(
      async () =>
        expect((await ask('GET', '/v1/mounts')).answer).toEqual({
          mounts: [
            expect.objectContaining({
              name: 'files',
              state: 'ready',
              held: ['files__tool1', 'files__tool2'],
            }),
          ],
        }),
      { timeout: 5000 },
    );
    expect(await ask('POST', '/v1/mounts/files/approve')).toMatchObject(refused(409, 'CONFLICT'));
    expect(await approveHeld(device.ask, 'mounts', 'files')).toMatchObject({ held: [] });
    expect((await ask('POST', '/v1/tools/files__tool1/call', { args: { a: 1 } })).answer).toMatchObject({
      status: 'done',
    });
    expect((await ask('GET', '/v1/mounts/files/logs')).answer).toEqual({
      lines: expect.arrayContaining([expect.stringContaining('hello from the server')]),
    });
    expect((await ask('POST', '/v1/mounts/files/disable')).answer).toMatchObject({ state: 'disabled' });
    expect((await ask('POST', '/v1/mounts/files/enable')).status).toBe(200);
    expect((await ask('POST', '/v1/mounts/files/restart')).answer).toMatchObject({ state: 'ready' });
    const again = { name: 'files', command: 'other' };
    expect(await ask('POST', '/v1/mounts', again)).toEqual(refused(409, 'CONFLICT'));
    expect((await ask('DELETE', '/v1/mounts/files')).answer).toEqual({ mounts: [] });
    expect(await ask('POST', '/v1/mounts/files/restart')).toEqual(refused(404, 'NOT_FOUND'));
    expect(await ask('POST', '/v1/mounts', { name: 'x', commande: 'y' })).toEqual(
      refused(400, 'CONFIG_INVALID'),
    );
  });
});

it('gives figures to Prometheus', async () => {
  const { socketPath } = device;
  await ask('POST', '/v1/tools/echo/call', {});
  await ask('GET', '/v1/tools');
  const { text, headers } = await requestControl({ socketPath }, 'GET', '/v1/metrics');
  expect(headers['content-type']).toContain('text/plain');
  expect(text).toContain('xiaozhi_state{state="idle"} 1\n');
  expect(text).toContain('xiaozhi_tools{state="offered"} 3\n');
  expect(text).toContain('xiaozhi_audio_frames_total{direction="uplink",kind="sent"} 4\n');
});

it('tells every route in its document, and refuses others', async () => {
  const { socketPath } = device;
  const { json } = await requestControl({ socketPath }, 'GET', '/v1/openapi.json');
  const document = json as OpenApiDocument;
  expect(document.openapi).toBe('3.1.0');
  expect(Object.keys(document.paths).sort()).toEqual([
    '/v1/access-points',
    '/v1/events',
    '/v1/hangup',
    '/v1/health',
    '/v1/interrupt',
    '/v1/mcp',
    '/v1/metrics',
    '/v1/mode',
    '/v1/mounts',
    '/v1/mounts/{name}',
    '/v1/mounts/{name}/approve',
    '/v1/mounts/{name}/disable',
    '/v1/mounts/{name}/enable',
    '/v1/mounts/{name}/logs',
    '/v1/mounts/{name}/restart',
    '/v1/mute',
    '/v1/say',
    '/v1/status',
    '/v1/talk',
    '/v1/tasks',
    '/v1/tasks/{id}',
    '/v1/tasks/{id}/cancel',
    '/v1/tools',
    '/v1/tools/{name}',
    '/v1/tools/{name}/approve',
    '/v1/tools/{name}/call',
    '/v1/volume',
  ]);
  const { status, json: answer } = await requestControl({ socketPath }, 'GET', '/v1/nothing');
  expect({ status, answer }).toEqual(refused(404, 'NOT_FOUND'));
});

describe('verbs', () => {
  const state = { state: 'idle', volumePercent: 70, muted: false, microphoneMuted: false, mode: 'auto' };

  it.each([
    ['/v1/talk', { action: 'press' }, { verb: 'talk', action: 'press' }],
    ['/v1/talk', {}, { verb: 'talk', action: 'toggle' }],
    ['/v1/say', { text: ' hello ' }, { verb: 'say', text: 'hello', as: 'user' }],
    ['/v1/say', { text: 'x', as: 'notice' }, { verb: 'say', text: 'x', as: 'notice' }],
    ['/v1/volume', { percent: 0 }, { verb: 'volume', percent: 0 }],
    ['/v1/mute', { what: 'microphone', muted: true }, { verb: 'mute', what: 'microphone', muted: true }],
    ['/v1/mode', { mode: 'realtime' }, { verb: 'mode', mode: 'realtime' }],
    ['/v1/interrupt', undefined, { verb: 'interrupt' }],
    ['/v1/hangup', undefined, { verb: 'hangup' }],
  ])('%s %j is done and answered with the state', async (path, body, verb) => {
    expect(await ask('POST', path, body)).toMatchObject({ status: 200, answer: state });
    expect(device.performed).toEqual([verb]);
  });

  it.each([
    ['/v1/talk', { action: 'shout' }],
    ['/v1/say', { text: '  ' }],
    ['/v1/say', { text: 'x'.repeat(10_001) }],
    ['/v1/volume', { percent: 101 }],
    ['/v1/volume', { percent: 'loud' }],
    ['/v1/mute', { what: 'tv', muted: true }],
    ['/v1/mode', {}],
  ])('%s %j is refused', async (path, body) => {
    const { status, json } = await requestControl({ socketPath: device.socketPath }, 'POST', path, { body });
    expect([status, json]).toMatchObject([400, { error: { code: 'BAD_REQUEST' } }]);
    expect(device.performed).toEqual([]);
  });
});
