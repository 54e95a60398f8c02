/**
 * What may be printed of a value: a simple `value` as it is, an `address` if it is one, a `line` of a command, the `words` of one, a list
 * of texts, or a `schema`, of which everything is public.
 */
export type ShownLeaf = 'value' | 'address' | 'line' | 'words' | 'values' | 'schema';

export type Shown = ShownLeaf | { readonly [key: string]: Shown } | readonly [Shown];

/** Stands for names that the user has chosen. */
export const anyName = '*';

const policy = {
  audience: 'value',
  mode: 'value',
  timeoutMs: 'value',
  handoffMs: 'value',
  maxResultBytes: 'value',
  idempotent: 'value',
  parallel: 'value',
} as const;

const server = {
  ...policy,
  start: 'value',
  idleStopMs: 'value',
  idleStopMinutes: 'value',
  startTimeoutMs: 'value',
  pingIntervalMs: 'value',
  trusted: 'value',
} as const;

const tool = {
  ...policy,
  name: 'value',
  description: 'value',
  inputSchema: 'schema',
  enabled: 'value',
  type: 'value',
} as const;

const request = {
  url: 'address',
  method: 'value',
  body: 'value',
  auth: { type: 'value', username: 'value', name: 'value', apiKeyHeader: 'value', apiKeyQuery: 'value' },
  resultPath: 'value',
} as const;

const outbound = {
  url: 'address',
  caFile: 'value',
  name: 'value',
  enabled: 'value',
  allow: 'values',
  deny: 'values',
  announce: 'value',
} as const;

const handlerSettings = {
  ...request,
  responseMapping: { successPath: 'value', errorPath: 'value', dataPath: 'value', template: 'value' },
  timeout: 'value',
  retryCount: 'value',
  retryDelay: 'value',
  baseUrl: 'address',
  workflowId: 'value',
  module: 'value',
  function: 'value',
  trusted: 'value',
} as const;

const customTool = {
  ...tool,
  handler: {
    ...handlerSettings,
    type: 'value',
    target: 'value',
    platform: 'value',
    config: handlerSettings,
  },
} as const;

const accessPoint = { ...outbound, profile: 'value' } as const;

/**
 * The keys whose values may be printed, of the sections that the schema does not know from the inside. Whatever is not here is
 * hidden: it holds secrets (`env`, `headers`, `token`), is the user's own (`context`, `query`), or is a key misspelt, behind
 * which anything may stand.
 */
export const shownKeys: { readonly [section: string]: readonly Shown[] } = {
  mcp: [
    {
      enabled: 'value',
      allow: 'values',
      deny: 'values',
      tools: [
        {
          ...tool,
          ...request,
          executable: 'line',
          args: 'words',
          cwd: 'value',
          address: 'value',
          framing: 'value',
          read: 'value',
          readIdleMs: 'value',
          encoding: 'value',
          path: 'value',
        },
      ],
    },
  ],
  mcpServers: [
    {
      [anyName]: {
        ...server,
        disabled: 'value',
        enabled: 'value',
        isActive: 'value',
        disabledTools: 'values',
        type: 'value',
        transport: 'value',
        command: 'line',
        args: 'words',
        cwd: 'value',
        url: 'address',
        caFile: 'value',
      },
    },
  ],
  mcpServerConfig: [
    {
      [anyName]: {
        ...server,
        enable: 'value',
        tools: { [anyName]: { ...policy, enable: 'value', description: 'value', alias: 'value' } },
      },
    },
  ],
  customMCP: [{ tools: customTool }, { tools: [customTool] }],
  mcpEndpoint: ['address', accessPoint, ['address'], [accessPoint]],
  tunnels: [outbound, [outbound]],
};
