import { onePage } from '../adapters/outbound-link/access-point.ts';
import { createJsonFileStorage } from '../adapters/storage/json-file.ts';
import { pageBytesWithin } from '../app-tools.ts';
import { type AccessPointDefinition, parseAccessPoints } from '../config/access-points.ts';
import { openIdentity } from '../config/identity.ts';
import { type LoadedConfig, stateDirectory } from '../config/load.ts';
import { parseServerAddress } from '../config/server-address.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { silentLogger } from '../core/logger.ts';
import { programVersion } from '../core/version.ts';
import { createAccessList } from '../mcp/access-list.ts';
import type { Dispatcher } from '../mcp/dispatcher.ts';
import type { ToolPage } from '../mcp/paging.ts';
import { type ChannelServer, createChannelServer } from '../mcp/server.ts';
import { estimatedTokens } from '../mcp/token-estimate.ts';
import { maxMqttMessageBytes } from '../protocol/message-size.ts';
import type { CliContext } from './context.ts';
import type { OfferedTools } from './offered-tools.ts';

export const toolChannels = ['device', 'access-point'] as const;
export type ToolChannelName = (typeof toolChannels)[number];

/** What gateways keep of a list unless they are told otherwise, and what models still choose from well. */
const manyTools = 32;

/**
 * Writes what this channel answers to `tools/list`, byte for byte: one line of JSON per page, asked for one after the other as
 * a server does. How much that is goes to standard error.
 */
export async function writeChannelList(
  channel: ToolChannelName,
  endpoint: string | undefined,
  loaded: LoadedConfig,
  tools: OfferedTools,
  { env, stdout, stderr }: Pick<CliContext, 'env' | 'stdout' | 'stderr'>,
): Promise<void> {
  const options = await channelOptions(channel, endpoint, loaded, tools, env);
  const pages = await pagesOf(options, tools, loaded);
  const lines = pages.map((page) => JSON.stringify(page));
  for (const line of lines) stdout.write(`${line}\n`);
  const count = pages.reduce((sum, page) => sum + page.tools.length, 0);
  const bytes = lines.reduce((sum, line) => sum + Buffer.byteLength(line), 0);
  const tokens = lines.reduce((sum, line) => sum + estimatedTokens(line), 0);
  stderr.write(
    `${counted(count, 'tool')} on ${counted(lines.length, 'page')}, ${bytes} bytes, about ${tokens} tokens ` +
      '(one for 4 ASCII characters or 1 other character; every model counts for itself).\n',
  );
  if (count > manyTools) {
    const names = pages.flatMap((page) => page.tools.map(({ name }) => name));
    stderr.write(
      `These are more than ${manyTools} tools: some servers leave the others out, and models choose worse among many. ` +
        '"deny" in the configuration leaves some out.\n',
    );
    if (channel === 'device')
      stderr.write(
        `Over an MQTT gateway, which keeps the first ${manyTools}, these do not reach the model: ${names.slice(manyTools).join(', ')}\n`,
      );
  }
}

interface ChannelOptions {
  readonly channel: string;
  readonly permits: (toolName: string) => boolean;
  readonly limits: { readonly maxPageBytes?: number; readonly maxPageTools?: number };
}

async function channelOptions(
  channel: ToolChannelName,
  endpoint: string | undefined,
  loaded: LoadedConfig,
  { access }: OfferedTools,
  env: CliContext['env'],
): Promise<ChannelOptions> {
  if (channel === 'device') {
    if (endpoint !== undefined) throw usage('--endpoint is for --channel access-point only.');
    const limits = (await isOverMqtt(loaded, env))
      ? { maxPageBytes: pageBytesWithin(maxMqttMessageBytes) }
      : {};
    return { channel, permits: access.permits, limits };
  }
  const definition = accessPoint(endpoint, loaded.config.mcpEndpoint);
  const own = createAccessList(definition);
  return {
    channel: definition.channel,
    permits: (name) => own.permits(name) && access.permits(name),
    limits: onePage,
  };
}

/** Whether a device that starts now would reach its server over MQTT, as far as this can be told without asking anybody. */
async function isOverMqtt({ config }: LoadedConfig, env: CliContext['env']): Promise<boolean> {
  const { url, transport, websocketUrl } = config.server;
  const address = parseServerAddress(url);
  if (transport !== 'auto') return transport === 'mqtt';
  if (address?.kind !== 'ota' || websocketUrl !== undefined) return address?.kind === 'mqtt';
  const directory = stateDirectory(config, env);
  const { get } = createJsonFileStorage({ directory, onDamaged: () => {} });
  const nothing = () => {};
  const store = await openIdentity({ get, set: () => Promise.resolve() }, config.identity, nothing);
  return store.recall(address.url)?.mqtt !== undefined;
}

function accessPoint(name: string | undefined, section: unknown): AccessPointDefinition {
  const { definitions } = parseAccessPoints(section);
  const [first, ...others] = definitions;
  if (first === undefined)
    throw usage('The configuration has no access point; put its address into "mcpEndpoint".');
  if (name === undefined && others.length === 0) return first;
  const found = definitions.find((definition) => definition.name === (name ?? ''));
  if (found !== undefined && name !== undefined) return found;
  const names = definitions.map((definition) => `--endpoint "${definition.name}"`).join(', ');
  throw usage(`Say which access point: ${names}.`);
}

/** The pages come from the same server that answers on the wire, so that nothing can differ. */
async function pagesOf(
  { channel, permits, limits }: ChannelOptions,
  { registry }: OfferedTools,
  { config }: LoadedConfig,
): Promise<ToolPage[]> {
  let answered: (page: ToolPage) => void = () => {};
  const server = createChannelServer({
    registry,
    access: { permits },
    dispatcher: refusing,
    name: config.identity.boardName,
    version: programVersion,
    channel,
    logger: silentLogger,
    send: (payload) => {
      answered((payload as { readonly result: ToolPage }).result);
      return true;
    },
    ...limits,
  });
  const pages: ToolPage[] = [];
  try {
    for (let cursor: string | undefined, more = true; more; more = cursor !== undefined) {
      const page = new Promise<ToolPage>((resolve) => {
        answered = resolve;
      });
      askForPage(server, pages.length, cursor);
      pages.push(await page);
      cursor = pages.at(-1)?.nextCursor;
    }
  } finally {
    await server.close();
  }
  return pages;
}

function askForPage(server: ChannelServer, id: number, cursor: string | undefined): void {
  server.receive({
    jsonrpc: '2.0',
    id,
    method: 'tools/list',
    params: cursor === undefined ? {} : { cursor },
  });
}

/** Nobody calls a tool here. */
const refusing: Dispatcher = {
  call: () => Promise.reject(new Error('no calls on a list')),
  close: () => Promise.resolve(),
};

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;

const usage = (message: string): ClientError => new ClientError(ErrorCode.usageInvalid, message);
