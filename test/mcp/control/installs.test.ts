import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { silentLogger } from '../../../src/core/logger.ts';
import { createChannelServer } from '../../../src/mcp/server.ts';
import {
  approveHeld,
  endControls,
  ForeignServer,
  freshDirectory,
  startControl,
} from '../../support/control.ts';
import { definitionOf } from '../../support/fake-mcp-server.ts';
import { tool } from '../../support/mcp-parts.ts';

afterEach(endControls);

const calculator = { name: 'calculator', description: 'Adds.', executable: 'cat', env: { KEY: 'hunter2' } };

describe('what is installed while the device runs', () => {
  it('is offered once approved, is there after a restart, and gone when removed', async () => {
    const directory = freshDirectory();
    const first = await startControl({ directory });
    await first.ask('POST', '/v1/tools', calculator);
    expect(first.registry.list()).toEqual([]);
    await approveHeld(first.ask, 'tools', 'calculator');
    expect(first.registry.groupOf('calculator')).toBe('installed');
    await first.close();

    const second = await startControl({ directory });
    expect(second.registry.groupOf('calculator')).toBe('installed');
    await second.ask('DELETE', '/v1/tools/calculator');
    await second.close();

    expect((await startControl({ directory })).registry.list()).toEqual([]);
  });

  it('is listed on a channel that is open, called there, and gone from it again', async () => {
    const device = await startControl();
    const answers: Record<string, unknown>[] = [];
    const channel = createChannelServer({
      ...device,
      name: 'device',
      version: '1',
      channel: 'device',
      logger: silentLogger,
      send: (payload) => answers.push(payload as Record<string, unknown>) > 0,
    });
    const request = async (method: string, params: unknown) => {
      const id = answers.length + 1;
      channel.receive({ jsonrpc: '2.0', id, method, params });
      await vi.waitFor(() => expect(answers).toHaveLength(id), 5000);
      return answers.at(-1)?.result;
    };
    expect(await request('tools/list', {})).toEqual({ tools: [] });
    await device.ask('POST', '/v1/tools', { ...calculator, trusted: true });
    expect(channel.isOutdated()).toBe(true);
    expect(await request('tools/list', {})).toMatchObject({ tools: [{ name: 'calculator' }] });
    expect(await request('tools/call', { name: 'calculator', arguments: { a: 1 } })).toEqual({
      content: [{ type: 'text', text: '{"a":1}' }],
      isError: false,
    });
    await device.ask('DELETE', '/v1/tools/calculator');
    expect(await request('tools/list', {})).toEqual({ tools: [] });
    await channel.close();
  });

  it('is offered at once when it is trusted', async () => {
    const { ask } = await startControl();
    expect(await ask('POST', '/v1/tools', { ...calculator, trusted: true })).toMatchObject({
      state: 'offered',
    });
  });

  it('has to be approved anew when it is replaced', async () => {
    const { ask } = await startControl();
    await ask('POST', '/v1/tools', calculator);
    await approveHeld(ask, 'tools', 'calculator');
    expect(await ask('POST', '/v1/tools', { ...calculator, executable: 'rm' })).toMatchObject({
      state: 'held',
    });
  });

  it('is approved only as it was shown: of its group, and no other text', async () => {
    const { ask, registry } = await startControl();
    const { fingerprint } = (await ask('POST', '/v1/tools', calculator)) as { fingerprint: string };
    const approve = (body?: unknown) => ask('POST', '/v1/tools/calculator/approve', body);
    await expect(approve()).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(approve({ group: 'mount:calculator', fingerprint })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
    await ask('POST', '/v1/tools', { ...calculator, description: 'Adds, and deletes all files.' });
    await expect(approve({ group: 'installed', fingerprint })).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(registry.list()).toEqual([]);
    await expect(ask('POST', '/v1/tools/calculator/call', { args: {} })).rejects.toThrow(
      'calculator is held back until somebody has read and approved it',
    );
  });

  it('has no name that to a server is that of another', async () => {
    const { ask } = await startControl({ tools: [tool({ name: 'self.reboot', source: 'builtin' })] });
    await expect(ask('POST', '/v1/tools', { ...calculator, name: 'self_reboot' })).rejects.toMatchObject({
      code: 'CONFLICT',
      message:
        'There is a tool self.reboot already (test), and to a server self_reboot is the same. Choose another name.',
    });
    await ask('POST', '/v1/tools', { ...calculator, name: 'a.b' });
    await expect(ask('POST', '/v1/tools', { ...calculator, name: 'a_b' })).rejects.toMatchObject({
      code: 'CONFLICT',
    });
  });

  it.each([
    ['a description with letters that nobody sees', { description: 'Adds.\u{e0041}' }],
    ['a description that turns round', { description: 'Adds \u202eelif a' }],
    [
      'an argument with letters that nobody sees',
      { inputSchema: { type: 'object', properties: { 'a\u200b': {} } } },
    ],
  ])('is refused with %s', async (_, more) => {
    const { ask } = await startControl();
    await expect(ask('POST', '/v1/tools', { ...calculator, ...more })).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
    });
  });

  it('is told in the event stream', async () => {
    const { ask, shown } = await startControl();
    await ask('POST', '/v1/tools', calculator);
    await approveHeld(ask, 'tools', 'calculator');
    await ask('POST', '/v1/tools', { ...calculator, trusted: true, description: 'Adds numbers.' });
    await ask('DELETE', '/v1/tools/calculator');
    const fields = { name: 'calculator', source: 'custom', group: 'installed' };
    expect(shown).toEqual([
      { type: 'tool.held', ...fields },
      { type: 'tool.installed', ...fields },
      { type: 'tool.updated', ...fields },
      { type: 'tool.removed', ...fields },
    ]);
  });

  it('is kept where only the owner can read, and shown to nobody', async () => {
    const { ask, directory } = await startControl();
    await ask('POST', '/v1/tools', { ...calculator, trusted: true });
    await ask('POST', '/v1/mounts', { name: 'files', command: 'x', env: { TOKEN: 'hunter3' } });
    const file = join(directory, 'installed.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).toContain('hunter2');
    const answers = JSON.stringify([
      await ask('GET', '/v1/tools'),
      await ask('GET', '/v1/mounts'),
      await ask('GET', '/v1/mounts/files/logs'),
    ]);
    expect(answers).not.toMatch(/hunter/);
  });

  it('costs only itself when it is damaged', async () => {
    const directory = freshDirectory();
    const good = { ...calculator, trusted: true };
    writeFileSync(
      join(directory, 'installed.json'),
      JSON.stringify({
        tools: { wrong: { name: 'wrong', type: 'nonsense' }, empty: null, calculator: good },
        mounts: { broken: { commande: 'x' }, number: 5, files: { command: 'x', trusted: true } },
      }),
    );
    const { registry, mounts, problems } = await startControl({
      directory,
      foreign: new ForeignServer('One.'),
    });
    expect(registry.groupOf('calculator')).toBe('installed');
    expect(mounts.statuses().map(({ name }) => name)).toEqual(['files']);
    expect(problems.map(({ code }) => code)).toEqual(Array(4).fill('CONFIG_INVALID'));
    expect(problems[0]?.message).toContain(
      'The installed tool wrong cannot be used any more: type: must be one of',
    );
  });

  it('counts as nothing, and is reported, when the record is none', async () => {
    const directory = freshDirectory();
    writeFileSync(join(directory, 'installed.json'), '{"tools": []}');
    const { problems } = await startControl({ directory });
    expect(problems).toMatchObject([{ code: 'STATE_DAMAGED' }]);
  });
});

describe('an installed mount', () => {
  it('keeps its approval over a restart, and loses it when the server says something else', async () => {
    const directory = freshDirectory();
    const foreign = new ForeignServer('Reads.', 'Writes.');
    const first = await startControl({ directory, foreign });
    await first.ask('POST', '/v1/mounts', { name: 'files', command: 'x' });
    await vi.waitFor(() => expect(first.quarantine.held()).toHaveLength(2), 5000);
    await approveHeld(first.ask, 'mounts', 'files');
    expect(first.registry.list()).toHaveLength(2);
    await first.close();

    const second = await startControl({ directory, foreign });
    await vi.waitFor(() => expect(second.registry.list()).toHaveLength(2), 5000);
    await vi.waitFor(() => expect(second.mounts.statuses()).toMatchObject([{ state: 'ready' }]), 5000);
    foreign.change('Reads.', 'Writes, and tells evil.example.');
    await vi.waitFor(
      () => expect(second.registry.list().map(({ name }) => name)).toEqual(['files__tool1']),
      10_000,
    );
    expect(second.shown).toContainEqual({
      type: 'tool.held',
      name: 'files__tool2',
      source: 'mounted',
      group: 'mount:files',
    });
    await second.ask('DELETE', '/v1/mounts/files');
    expect(second.registry.list()).toEqual([]);
  });

  it('that cannot be mounted any more can be removed, and the one of the configuration with its name stays', async () => {
    const directory = freshDirectory();
    const first = await startControl({ directory });
    for (const name of ['twin', 'files'])
      await first.ask('POST', '/v1/mounts', { name, command: 'x', start: 'manual' });
    await first.close();
    const file = join(directory, 'installed.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace(/("files": \{\s*)"command"/, '$1"commande"'));

    const { ask, problems } = await startControl({
      directory,
      mounts: [definitionOf('twin', { start: 'manual' })],
    });
    expect(problems).toHaveLength(2);
    expect(await ask('GET', '/v1/mounts')).toMatchObject({ mounts: [{ origin: 'configuration' }] });
    for (const name of ['twin', 'files'])
      expect(await ask('DELETE', `/v1/mounts/${name}`)).toMatchObject({ mounts: [{ name: 'twin' }] });
    expect(JSON.parse(readFileSync(file, 'utf8')).mounts).toEqual({});
    await expect(ask('DELETE', '/v1/mounts/twin')).rejects.toThrow(/configured/);
    await expect(ask('DELETE', '/v1/mounts/files')).rejects.toThrow(/There is no MCP server files/);
  });

  it('or tool under a name that no record keeps is refused', async () => {
    const { ask } = await startControl();
    for (const [path, rest] of [
      ['/v1/mounts', { command: 'x' }],
      ['/v1/tools', { description: 'x', executable: 'x' }],
    ] as const)
      await expect(ask('POST', path, { name: '__proto__', ...rest })).rejects.toThrow(
        'name: must be another',
      );
  });

  it('is not kept when it cannot be mounted', async () => {
    const { ask, directory } = await startControl();
    await ask('POST', '/v1/mounts', { name: 'my files', command: 'x' });
    await expect(ask('POST', '/v1/mounts', { name: 'my_files', command: 'x' })).rejects.toThrow(/taken/);
    const { mounts } = JSON.parse(readFileSync(join(directory, 'installed.json'), 'utf8'));
    expect(Object.keys(mounts)).toEqual(['my files']);
  });
});
