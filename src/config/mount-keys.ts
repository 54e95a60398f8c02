import * as z from 'zod';
import { headers, text, timeoutMs, toolName, webUrl } from './tool-parts.ts';

const DAY_MS = 86_400_000;

const withoutZero = z.string().refine((word) => !word.includes('\0'), 'must not hold a zero byte');

/** What a call of a tool means; every key may be said of a server and of one tool of it. */
const policyKeys = {
  audience: z.enum(['model', 'user']).optional(),
  mode: z.enum(['sync', 'async', 'background']).optional(),
  timeoutMs: timeoutMs.optional(),
  handoffMs: z.int().min(0).max(DAY_MS).optional(),
  maxResultBytes: z.int().min(64).max(200_000).optional(),
  idempotent: z.boolean().optional(),
  parallel: z.boolean().optional(),
};

/** What may be said of a server in `mcpServers` and in `mcpServerConfig`, which wins. */
const serverKeys = {
  ...policyKeys,
  start: z.enum(['eager', 'lazy', 'manual']).optional(),
  idleStopMs: z.int().min(1000).max(DAY_MS).optional(),
  idleStopMinutes: z
    .number()
    .positive()
    .max(DAY_MS / 60_000)
    .optional(),
  startTimeoutMs: z.int().min(100).max(600_000).optional(),
  pingIntervalMs: z.int().min(0).max(DAY_MS).optional(),
  trusted: z.boolean().optional(),
};

/** Clients call the same switches differently. */
const switchKeys = {
  disabled: z.boolean().optional(),
  enabled: z.boolean().optional(),
  isActive: z.boolean().optional(),
  /** By the names that the server gives them. */
  disabledTools: z.array(z.string()).max(1000).optional(),
};

export const stdioServer = z.strictObject({
  ...serverKeys,
  ...switchKeys,
  type: z.literal('stdio').optional(),
  command: text.pipe(withoutZero),
  args: z
    .array(z.union([withoutZero, z.number()]).transform(String))
    .max(1000)
    .default([]),
  env: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a variable'),
      z.union([withoutZero, z.number(), z.boolean()]).transform(String),
    )
    .default({}),
  cwd: text.pipe(withoutZero).optional(),
});

/** By the names that `plainType` gives. */
export const transports = { http: 'streamable', sse: 'sse' } as const;

export const httpServer = z.strictObject({
  ...serverKeys,
  ...switchKeys,
  type: z.enum(Object.keys(transports) as (keyof typeof transports)[]).optional(),
  url: webUrl(/^https?:$/, 'an http:// or https://'),
  headers,
  caFile: text.optional(),
});

export const toolOverride = z.strictObject({
  ...policyKeys,
  enable: z.boolean().optional(),
  /** Empty in what other programs write for tools that have none. */
  description: z
    .string()
    .max(10_000)
    .transform((words) => (words === '' ? undefined : words))
    .optional(),
  alias: toolName.optional(),
});

export const serverOverride = z.strictObject({
  ...serverKeys,
  enable: z.boolean().optional(),
  tools: z.record(z.string(), z.unknown()).optional(),
});

/** Keys with which other clients of the same format keep what is for people; nobody misses them. */
export const foreignKeys: ReadonlySet<string> = new Set([
  'alwaysAllow',
  'autoApprove',
  'description',
  'icon',
  'lastUsedTime',
  'logoUrl',
  'longRunning',
  'name',
  'provider',
  'providerUrl',
  'tags',
  'timeout',
  'usageCount',
]);

/** Keys of other clients that look like misspelt ones of ours. */
export const foreignLookalikes: ReadonlySet<string> = new Set([
  'auth',
  'dev',
  'enabledTools',
  'excludeTools',
  'includeTools',
  'startupTimeoutSec',
  'toolTimeoutSec',
  'trust',
]);

/** What other clients call a key of ours; what comes first counts. */
export const otherNames: Readonly<Record<string, readonly string[]>> = {
  url: ['serverUrl', 'httpUrl', 'baseUrl'],
  type: ['transport', 'transportType'],
  cwd: ['workingDirectory'],
  env: ['environment'],
};

/** `streamable_http`, `Streamable-HTTP` and the like are one word. */
export function plainType(type: unknown): unknown {
  if (typeof type !== 'string') return type;
  const plain = type.toLowerCase().replace(/[^a-z]/g, '');
  return Object.hasOwn(typeNames, plain) ? typeNames[plain] : type.trim();
}

const typeNames: Readonly<Record<string, string>> = {
  http: 'http',
  httpstream: 'http',
  streamablehttp: 'http',
  streamable: 'http',
  sse: 'sse',
  stdio: 'stdio',
  local: 'stdio',
};

export type ServerKeys = z.output<z.ZodObject<typeof serverKeys>>;
