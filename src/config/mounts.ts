import { resolve } from 'node:path';
import type * as z from 'zod';
import { faultWords } from '../core/fault-words.ts';
import { plainServerName } from '../core/plain-name.ts';
import type { McpServerTarget } from '../ports/mcp-client.ts';
import type { MountedServerDefinition, MountedToolOverride } from '../ports/mounted-server.ts';
import { readConfigSections } from './config-sections.ts';
import { isPlainObject, type PlainObject } from './layers.ts';
import {
  foreignKeys,
  httpServer,
  type ServerKeys,
  serverOverride,
  stdioServer,
  toolOverride,
  transports,
} from './mount-keys.ts';
import { nearest } from './suggest.ts';
import { faultsOf, withCamelCase } from './tool-parts.ts';

const maxServers = 100;
const maxToolOverrides = 1000;

/** The two sections of the configuration that are about mounted servers. */
export interface MountSections {
  readonly mcpServers?: unknown;
  readonly mcpServerConfig?: unknown;
}

/** Reads only these two of a configuration file; no file means no servers. Throws what `readConfigSections` throws. */
export async function readMountSections(file: string): Promise<MountSections> {
  const { mcpServers, mcpServerConfig } = await readConfigSections(file, 'mcpServers', 'mcpServerConfig');
  return { mcpServers, mcpServerConfig };
}

export interface MountsConfig {
  /** In the order of the file. */
  readonly definitions: readonly MountedServerDefinition[];
  /** One line each: path, and what is allowed; values are never shown. */
  readonly faults: readonly string[];
}

/**
 * Checks the sections `mcpServers` and `mcpServerConfig`. What is damaged costs only itself: a server is left out, a tool is
 * not offered, and a line says why. `baseDirectory`: what a relative `cwd` is relative to, and the default.
 */
export function parseMounts(
  mcpServers: unknown,
  mcpServerConfig: unknown,
  { baseDirectory }: { readonly baseDirectory: string },
): MountsConfig {
  const faults: string[] = [];
  const servers = group(mcpServers, 'mcpServers', faults);
  const overrides = group(mcpServerConfig, 'mcpServerConfig', faults);
  faults.push(...unknownServers(Object.keys(overrides), Object.keys(servers)));
  if (Object.keys(servers).length > maxServers) {
    return { definitions: [], faults: [...faults, `mcpServers: at most ${maxServers} servers`] };
  }
  const taken = new Map<string, string>();
  const definitions = Object.entries(servers).flatMap(([name, raw], position) => {
    const fault = nameFault(name, taken);
    if (fault !== undefined) {
      faults.push(fault);
      return [];
    }
    const override = Object.hasOwn(overrides, name) ? overrides[name] : undefined;
    const server = parseServer({ name, raw, override, position, baseDirectory });
    faults.push(...server.faults);
    return server.definition ? [server.definition] : [];
  });
  return { definitions, faults };
}

interface ServerEntry {
  readonly name: string;
  readonly raw: unknown;
  readonly override: unknown;
  readonly position: number;
  readonly baseDirectory: string;
}

function parseServer({ name, raw, override, position, baseDirectory }: ServerEntry): {
  readonly definition?: MountedServerDefinition;
  readonly faults: readonly string[];
} {
  const place = `mcpServers.${name}`;
  const { server, faults: found } = parseTarget(raw, place, baseDirectory);
  const said = parseOverride(override, `mcpServerConfig.${name}`);
  const faults = [...found, ...said.faults];
  if (!server || !said.keys) return { faults };
  const keys = { ...server.keys, ...given(said.keys) };
  const isLocal = server.target.type === 'stdio';
  return {
    faults,
    definition: {
      name,
      position,
      target: server.target,
      enabled: said.keys.enable ?? server.enabled,
      start: keys.start ?? 'eager',
      ...idleStop(keys),
      startTimeoutMs: keys.startTimeoutMs ?? 30_000,
      // A remote server may bill every request, and a session it has lost shows with the next call.
      pingIntervalMs: keys.pingIntervalMs ?? (isLocal ? 30_000 : 0),
      trusted: keys.trusted ?? true,
      policy: {
        audience: keys.audience ?? 'model',
        mode: keys.mode ?? 'sync',
        ...(keys.timeoutMs !== undefined && { timeoutMs: keys.timeoutMs }),
        handoffMs: keys.handoffMs ?? 6000,
        maxResultBytes: keys.maxResultBytes ?? 1024,
        idempotent: keys.idempotent ?? false,
        parallel: keys.parallel ?? false,
      },
      tools: withoutDisabled(said.tools, server.keys.disabledTools ?? []),
    },
  };
}

function idleStop({ idleStopMs, idleStopMinutes }: ServerKeys): { idleStopMs?: number } {
  if (idleStopMs !== undefined) return { idleStopMs };
  return idleStopMinutes === undefined
    ? {}
    : { idleStopMs: Math.max(1000, Math.round(idleStopMinutes * 60_000)) };
}

interface ParsedServer {
  readonly faults: readonly string[];
  readonly server?: {
    readonly keys: ServerKeys & { readonly disabledTools?: readonly string[] | undefined };
    readonly enabled: boolean;
    readonly target: McpServerTarget;
  };
}

function parseTarget(raw: unknown, place: string, baseDirectory: string): ParsedServer {
  const { keys: own, faults } = ownKeys(raw, place);
  if (!own) return { faults };
  const { transport, ...entry } = own;
  if (transport !== undefined) entry.type ??= transport;
  if ('command' in entry === 'url' in entry)
    return { faults: [...faults, `${place}: must have either a command or a url${meantIn(entry)}`] };
  const parsed =
    'command' in entry
      ? stdioServer.safeParse(entry, { error: faultWords })
      : httpServer.safeParse(entry, { error: faultWords });
  if (!parsed.success) {
    const shape = 'command' in entry ? stdioServer.shape : httpServer.shape;
    return { faults: [...faults, ...faultsOf(parsed.error, place, Object.keys(shape))] };
  }
  if (faults.length > 0) return { faults };
  const keys = parsed.data;
  const enabled = keys.enabled ?? (keys.disabled === undefined ? (keys.isActive ?? true) : !keys.disabled);
  return { faults, server: { keys, enabled, target: targetOf(keys, baseDirectory) } };
}

/** A misspelt key that would be one of both. */
function meantIn(entry: PlainObject): string {
  const targets = ['command', 'url'];
  for (const key of Object.keys(entry)) {
    const meant = nearest(key, targets);
    if (meant !== undefined && !targets.includes(key))
      return `; "${key}" is unknown, did you mean "${meant}"?`;
  }
  return '';
}

function targetOf(
  server: z.output<typeof stdioServer> | z.output<typeof httpServer>,
  baseDirectory: string,
): McpServerTarget {
  if ('command' in server) {
    const { command, args, env, cwd } = server;
    return { type: 'stdio', command, args, env, cwd: resolve(baseDirectory, cwd ?? '.') };
  }
  const transport = server.type === undefined ? 'auto' : transports[server.type];
  const { url, headers, caFile } = server;
  return { type: 'http', url, headers, transport, ...(caFile !== undefined && { caFile }) };
}

/** Without `keys` the whole server must be left out: what was to be switched off could be among what is wrong. */
function parseOverride(raw: unknown, place: string) {
  const { keys: own, faults } = ownKeys(raw ?? {}, place);
  const parsed = own && serverOverride.safeParse(own, { error: faultWords });
  const tools: Record<string, MountedToolOverride> = {};
  if (!parsed?.success || faults.length > 0) {
    const more = parsed?.error ? faultsOf(parsed.error, place, Object.keys(serverOverride.shape)) : [];
    return { faults: [...faults, ...more], tools };
  }
  const entries = Object.entries(parsed.data.tools ?? {});
  if (entries.length > maxToolOverrides)
    return { faults: [`${place}.tools: at most ${maxToolOverrides} tools`], tools };
  for (const [name, rawTool] of entries) {
    const tool = parseToolOverride(rawTool, `${place}.tools.${name}`);
    faults.push(...tool.faults);
    // Not a plain assignment: a tool may be called `__proto__`.
    Object.defineProperty(tools, name, { value: tool.override, enumerable: true });
  }
  return { faults, keys: parsed.data, tools };
}

/** What `mcpServerConfig` says of a tool wins. */
function withoutDisabled(
  tools: Readonly<Record<string, MountedToolOverride>>,
  disabled: readonly string[],
): Readonly<Record<string, MountedToolOverride>> {
  const all = { ...tools };
  for (const name of disabled) {
    const said = Object.hasOwn(tools, name) ? tools[name] : {};
    // Not a plain assignment: a tool may be called `__proto__`.
    Object.defineProperty(all, name, {
      value: { enable: false, ...said },
      enumerable: true,
      configurable: true,
    });
  }
  return all;
}

/** A damaged entry switches its tool off: it may have been meant to. */
function parseToolOverride(raw: unknown, place: string) {
  const { keys: own, faults } = ownKeys(raw, place, ['description']);
  const parsed = own && toolOverride.safeParse(own, { error: faultWords });
  if (parsed?.success && faults.length === 0) return { faults, override: given(parsed.data) };
  const more = parsed?.error ? faultsOf(parsed.error, place, Object.keys(toolOverride.shape)) : [];
  return { faults: [...faults, ...more], override: { enable: false } };
}

/** In our spelling, and without what is meant for other programs. */
function ownKeys(raw: unknown, place: string, kept: readonly string[] = []) {
  if (!isPlainObject(raw)) return { faults: [`${place}: must be an object`] };
  const { tool: entry, faults } = withCamelCase(raw, place);
  const keys: PlainObject = Object.fromEntries(
    Object.entries(entry).filter(([key]) => kept.includes(key) || !foreignKeys.has(key)),
  );
  return { keys, faults };
}

/** Without the keys that are not set, so that the rest can be laid over something else. */
function given<T extends object>(keys: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined)) as never;
}

function group(raw: unknown, place: string, faults: string[]): PlainObject {
  if (raw === undefined || raw === null) return {};
  if (isPlainObject(raw)) return raw;
  faults.push(`${place}: must be an object with the names of servers as its keys`);
  return {};
}

function nameFault(name: string, taken: Map<string, string>): string | undefined {
  if (!/^[^\p{Cc}]{1,100}$/u.test(name))
    return 'mcpServers: the name of a server must have 1 to 100 printable characters';
  const plain = plainServerName(name);
  const twin = plain === '' ? undefined : taken.get(plain);
  if (twin !== undefined) return `mcpServers.${name}: has the same name as "${twin}" in the names of tools`;
  taken.set(plain, name);
  return undefined;
}

function unknownServers(configured: readonly string[], servers: readonly string[]): string[] {
  return configured
    .filter((name) => !servers.includes(name))
    .map((name) => {
      const meant = nearest(name, servers);
      return `mcpServerConfig.${name}: there is no such server in mcpServers${meant === undefined ? '' : `, did you mean "${meant}"?`}`;
    });
}
