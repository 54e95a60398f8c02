import { expect, it, vi } from 'vitest';
import { createAccessPoints } from '../src/app-access-points.ts';
import { ConfigSchema } from '../src/config/schema.ts';
import { silentLogger } from '../src/core/logger.ts';
import { descriptorsOf, grown } from './support/descriptors.ts';
import { mcpParts } from './support/mcp-parts.ts';
import { switchedIdle } from './support/outbound.ts';
import { startScriptedServer, until } from './support/scripted-server.ts';

const reconnections = 20;

/** In a file of its own, as descriptors belong to the whole process. */
it('an access point and a tunnel that are lost again and again and closed leave no descriptor open', async () => {
  const server = await startScriptedServer({
    onPeer: (peer) => peer.send({ type: 'connected', userId: 'u' }),
  });
  const parts = await mcpParts([]);

  const liveOnce = async (losses: number) => {
    const links = createAccessPoints({
      ...parts,
      config: {
        ...ConfigSchema.parse({}),
        mcpEndpoint: `${server.url}?token=a`,
        tunnels: { url: server.url, token: 'b' },
      },
      idle: switchedIdle(),
      random: () => 0.5,
      logger: silentLogger,
      display: { show: () => {} },
    });
    links.start();
    const states = () => {
      const { accessPoints, tunnels } = links.statuses();
      return [...accessPoints, ...tunnels].map(({ state }) => state).join();
    };
    await until(() => states() === 'connected,connected');
    for (let n = 0; n < losses; n += 1) {
      // Closed in order, and torn off.
      for (const { socket } of server.peers.slice(-2)) {
        if (n % 2 === 0) socket.close(1011);
        else socket.terminate();
      }
      await until(() => states() === 'waiting,waiting');
      // Only as far as somebody waits: a connection that is being made has a limit, too.
      await until(() => {
        if (states().includes('waiting')) parts.clock.advance(1000);
        return states() === 'connected,connected';
      });
    }
    await links.updateTunnels([]);
    await links.close();
    expect(states()).toBe('stopped');
  };

  await liveOnce(1);
  await vi.waitFor(() => expect(server.peers.every(({ ended }) => ended)).toBe(true));
  const before = descriptorsOf('self');
  await liveOnce(reconnections);
  expect(server.peers.length).toBeGreaterThan(2 * reconnections);
  await vi.waitFor(() => expect(grown(before, descriptorsOf('self'))).toEqual([]), 10_000);
  await server.stop();
}, 60_000);
