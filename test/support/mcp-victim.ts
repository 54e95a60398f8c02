import { createMcpConnector } from '../../src/adapters/mcp-client/connect.ts';
import { readAuthorities } from '../../src/config/authorities.ts';
import { monotonicClock } from '../../src/core/clock.ts';
import { chaosServer } from './chaos-mcp-server.ts';

/** A device that has mounted a server with a child of its own, and waits to be killed. */
const [, , server, journal] = process.argv as [string, string, string, string];
const connect = createMcpConnector({ clock: monotonicClock, env: process.env, readAuthorities });
const hooks = { onToolsChanged: () => {}, onClosed: () => {}, onLog: () => {} };
const target = chaosServer({ journal, fork: 'group' });
await connect({ ...target, args: [server, ...target.args.slice(1)] }, hooks, new AbortController().signal);
process.stdout.write('mounted\n');
