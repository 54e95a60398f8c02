import { expect, it, vi } from 'vitest';
import { silentLogger } from '../../src/core/logger.ts';
import { createMcpSession } from '../../src/demo-server/mcp-session.ts';
import { createChannelServer } from '../../src/mcp/server.ts';
import { mcpParts, tool } from '../support/mcp-parts.ts';

it('the demo server, which behaves as real ones do, lists all pages and calls tools', async () => {
  const tools = Array.from({ length: 70 }, (_, i) =>
    tool({ name: `tool.${i}`, description: 'd'.repeat(200) }),
  );
  const parts = await mcpParts(tools);
  const device = createChannelServer({
    ...parts,
    name: 'device',
    version: '1.0.0',
    channel: 'device',
    logger: silentLogger,
    send: (payload) => {
      session.receive(JSON.parse(JSON.stringify(payload)));
      return true;
    },
  });
  const session = createMcpSession({
    send: (payload) => device.receive(JSON.parse(JSON.stringify(payload))),
    clock: parts.clock,
    logger: silentLogger,
  });
  session.start();
  await vi.waitFor(() => {
    parts.clock.advance(1000);
    expect(session.tools.map(({ name }) => name)).toEqual(tools.map(({ name }) => name));
  });
  expect(await session.call('tool.69', {})).toEqual({ ok: true, text: 'done' });
  expect(await session.call('tool.70', {})).toEqual({ ok: false, reason: 'Unknown tool: tool.70' });
  session.stop();
  await device.close();
});
