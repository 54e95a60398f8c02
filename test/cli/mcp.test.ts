import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { createJsonFileStorage } from '../../src/adapters/storage/json-file.ts';
import {
  mcpApproveAction,
  mcpDisableAction,
  mcpEnableAction,
  mcpListAction,
  mcpLogsAction,
  mcpRestartAction,
} from '../../src/cli/mcp.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { createToolListCache } from '../../src/mcp/mounts/tool-list-cache.ts';
import { runAction, runActionToTheEnd } from '../support/cli-run.ts';
import { endControls, ForeignServer, foreignTool, freshDirectory, startControl } from '../support/control.ts';

afterEach(endControls);

const on = (directory: string, ...more: string[]) => ({ set: [`paths.state=${directory}`, ...more] });
const env = { HOME: '/nonexistent' };

describe('the mcp commands beside a running device', () => {
  async function mounted() {
    const device = await startControl({ foreign: new ForeignServer('Reads.', 'Writes\u001b[31m.') });
    await device.ask('POST', '/v1/mounts', { name: 'files', command: 'x' });
    await vi.waitFor(() => expect(device.quarantine.held()).toHaveLength(2), 5000);
    return device;
  }

  it('list what is mounted, for people and for scripts', async () => {
    const { directory } = await mounted();
    expect(await runAction(mcpListAction, on(directory), env)).toEqual({
      code: 0,
      stdout: 'files  ready  stdio  2 tools, 2 held\n',
    });
    const { stdout } = await runAction(mcpListAction, { ...on(directory), json: true }, env);
    expect(JSON.parse(stdout)).toMatchObject({ mounts: [{ name: 'files', state: 'ready', pid: 4711 }] });
  });

  it('have columns for names that are wide on a terminal', async () => {
    const { directory, ask } = await mounted();
    await ask('POST', '/v1/mounts', { name: '日历', command: 'x', disabled: true });
    const { stdout } = await runAction(mcpListAction, on(directory), env);
    expect(
      stdout
        .split('\n')
        .slice(0, 2)
        .map((line) => line.slice(0, 12)),
    ).toEqual(['files  ready', '日历   disable']);
  });

  it('say that nothing has the name that is to be approved', async () => {
    const { directory } = await mounted();
    await expect(runAction(mcpApproveAction, { ...on(directory), name: 'nope' }, env)).rejects.toThrow(
      'There is no MCP server and no tool nope; "mcp list" shows the servers',
    );
  });

  it('show what is held before anybody approves it', async () => {
    const { directory, registry } = await mounted();
    expect((await runAction(mcpApproveAction, on(directory), env)).stdout).toBe(
      'files__tool1 (mount:files): Reads.\n  arguments: {"type":"object"}\n' +
        'files__tool2 (mount:files): Writes\\u{1b}[31m.\n  arguments: {"type":"object"}\n',
    );
    expect(registry.list()).toEqual([]);
    await runAction(mcpApproveAction, { ...on(directory), name: 'files' }, env);
    expect((await runAction(mcpApproveAction, on(directory), env)).stdout).toBe('Nothing is held back.\n');
  });

  it('approve what is held, and show it without control characters', async () => {
    const { directory, registry } = await mounted();
    expect((await runAction(mcpApproveAction, { ...on(directory), name: 'files' }, env)).stdout).toBe(
      'files__tool1 (mount:files): Reads.\n  arguments: {"type":"object"}\n' +
        'files__tool2 (mount:files): Writes\\u{1b}[31m.\n  arguments: {"type":"object"}\n' +
        'files__tool1 is offered now.\nfiles__tool2 is offered now.\n',
    );
    expect(registry.list()).toHaveLength(2);
    expect((await runAction(mcpApproveAction, { ...on(directory), name: 'files' }, env)).stdout).toBe(
      'Nothing was held back.\n',
    );
  });

  it('approve nothing that is not what was shown: it is shown again, and stays held', async () => {
    const { directory, registry, foreign, quarantine } = await mounted();
    await runAction(mcpApproveAction, on(directory), env);
    foreign.change('Reads.', 'Writes.', 'Sends all to me.');
    await vi.waitFor(() => expect(quarantine.held()).toHaveLength(3), 5000);
    const again = await runActionToTheEnd(mcpApproveAction, { ...on(directory), name: 'files' }, env);
    expect(again.code).toBe(1);
    expect(again.stdout).toContain('files__tool3 (mount:files): Sends all to me.');
    expect(again.stderr).toContain('nothing was approved');
    expect(registry.list()).toEqual([]);
    expect((await runAction(mcpApproveAction, { ...on(directory), name: 'files' }, env)).code).toBe(0);
    expect(registry.list()).toHaveLength(3);
  });

  it('approve one tool by its name', async () => {
    const { directory, registry } = await mounted();
    await runAction(mcpApproveAction, { ...on(directory), name: 'files__tool2' }, env);
    expect(registry.list().map(({ name }) => name)).toEqual(['files__tool2']);
  });

  it('disable, enable, restart and show logs', async () => {
    const { directory } = await mounted();
    const files = { ...on(directory), name: 'files' };
    expect((await runAction(mcpDisableAction, files, env)).stdout).toBe(
      'files  disabled  -  0 tools    switched off with mcp disable files\n',
    );
    expect((await runAction(mcpEnableAction, files, env)).code).toBe(0);
    expect((await runAction(mcpRestartAction, files, env)).stdout).toContain('files  ready');
    expect((await runAction(mcpLogsAction, files, env)).stdout).toContain('hello from the server');
  });

  it('say which servers there are when the name is wrong', async () => {
    const { directory } = await mounted();
    await expect(runAction(mcpRestartAction, { ...on(directory), name: 'flies' }, env)).rejects.toThrow(
      'There is no MCP server flies; there are files.',
    );
  });
});

describe('the mcp commands without a device', () => {
  it('list the configured servers and what was last known of them', async () => {
    const directory = freshDirectory();
    const cache = join(directory, 'cache');
    mkdirSync(cache);
    const target = { type: 'stdio', command: 'x', args: [], env: {}, cwd: process.cwd() } as const;
    const storage = createJsonFileStorage({ directory: cache, onDamaged: () => {} });
    await createToolListCache(storage, silentLogger).save('files', target, [foreignTool('read', 'Reads.')]);
    const servers = { files: { command: 'x' }, web: { url: 'https://example.org/mcp', disabled: true } };
    const options = on(directory, `paths.cache=${cache}`, `mcpServers=${JSON.stringify(servers)}`);
    expect((await runAction(mcpListAction, options, env)).stdout).toBe(
      'files  not running  -  1 tools\nweb    disabled     -  0 tools    switched off in the configuration\n',
    );
  });

  it('list what was installed, too, with what is held, and what was switched off', async () => {
    const device = await startControl({ foreign: new ForeignServer('Reads.') });
    await device.ask('POST', '/v1/mounts', { name: 'files', command: 'x', trusted: true });
    await device.ask('POST', '/v1/mounts', { name: 'web', url: 'https://example.org/mcp' });
    await vi.waitFor(() => expect(device.quarantine.held()).toHaveLength(1), 5000);
    await device.ask('POST', '/v1/mounts', { name: 'off', command: 'y' });
    await device.ask('POST', '/v1/mounts/off/disable');
    await device.close();
    const config = join(device.directory, 'config.json');
    writeFileSync(config, '{}');
    const options = { ...on(device.directory, `paths.cache=${join(device.directory, 'cache')}`), config };
    expect(await runActionToTheEnd(mcpListAction, options, env)).toEqual({
      code: 0,
      stdout: [
        'files  not running  -  1 tools',
        'web    not running  -  1 tools, 1 held',
        'off    disabled     -  0 tools            switched off with mcp disable off',
        '',
      ].join('\n'),
      stderr: '',
    });
    const { stdout } = await runAction(mcpListAction, { ...options, json: true }, env);
    expect(JSON.parse(stdout).mounts[2]).toEqual({
      name: 'off',
      origin: 'installed',
      state: 'disabled',
      switchedOffBy: 'command',
      toolCount: 0,
      held: [],
    });
  });

  it('tell what of the installed servers cannot be used', async () => {
    const directory = freshDirectory();
    const mounts = { files: { command: 'x' }, bad: {} };
    writeFileSync(join(directory, 'installed.json'), JSON.stringify({ mounts }));
    const { stdout, stderr } = await runActionToTheEnd(
      mcpListAction,
      on(directory, 'mcpServers={"files":{"command":"y"}}'),
      env,
    );
    expect(stdout).toBe('files  not running  -  0 tools\n');
    expect(stderr.split('\n')).toEqual([
      expect.stringContaining('The installed mount files cannot be used any more: The name "files" is taken'),
      expect.stringContaining('The installed mount bad cannot be used any more: '),
      '',
    ]);
  });

  it('say that there is none, otherwise', async () => {
    const directory = freshDirectory();
    expect((await runAction(mcpListAction, on(directory), env)).stdout).toBe('No MCP server is mounted.\n');
    for (const action of [
      mcpRestartAction,
      mcpEnableAction,
      mcpDisableAction,
      mcpLogsAction,
      mcpApproveAction,
    ])
      await expect(runAction(action, { ...on(directory), name: 'files' }, env)).rejects.toMatchObject({
        code: 'CONTROL_UNAVAILABLE',
        message: expect.stringContaining('No device runs on this state directory'),
      });
  });
});
