import { existsSync } from 'node:fs';
import { resolve } from 'node:path';
import type * as z from 'zod';
import { faultWords } from '../core/fault-words.ts';
import { plainServerName } from '../core/plain-name.ts';
import { printableText } from '../core/printable-text.ts';
import type { McpServerTarget } from '../ports/mcp-client.ts';
import type { MountedServerDefinition, MountedToolOverride } from '../ports/mounted-server.ts';
import { commandWords } from './command-words.ts';
import { readConfigSections } from './config-sections.ts';
import type { Environment } from './environment.ts';
import { isPlainObject, type PlainObject } from './layers.ts';
import {
  foreignKeys,
  foreignLookalikes,
  httpServer,
  otherNames,
  plainType,
  type ServerKeys,
  serverOverride,
  stdioServer,
  toolOverride,
  transports,
} from './mount-keys.ts';
import { filledValue, fromHome } from './placeholders.ts';
import { nearest } from './suggest.ts';
import { faultsOf, knownKeys, withCamelCase } from './tool-parts.ts';

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
  /** What is passed over and costs nothing, one line each. */
  readonly warnings: readonly string[];
}

export interface MountsContext {
  /** What a relative `cwd` is relative to, and the default. */
  readonly baseDirectory: string;
  /** Where the variables are that entries name. */
  readonly env: Environment;
}

/**
 * Checks the sections `mcpServers` and `mcpServerConfig`. What is damaged costs only itself: a server is left out, a tool is
 * not offered, and a line says why.
 */
export function parseMounts(
  mcpServers: unknown,
  mcpServerConfig: unknown,
  context: MountsContext,
): MountsConfig {
  const faults: string[] = [];
  const warnings: string[] = [];
  const servers = group(mcpServers, 'mcpServers', faults);
  const overrides = group(mcpServerConfig, 'mcpServerConfig', faults);
  faults.push(...unknownServers(Object.keys(overrides), Object.keys(servers)));
  if (Object.keys(servers).length > maxServers) {
    return { definitions: [], faults: [...faults, `mcpServers: at most ${maxServers} servers`], warnings };
  }
  const taken = new Map<string, string>();
  const definitions = Object.entries(servers).flatMap(([name, raw], position) => {
    const fault = nameFault(name, taken);
    if (fault !== undefined) {
      faults.push(fault);
      return [];
    }
    const override = Object.hasOwn(overrides, name) ? overrides[name] : undefined;
    const server = parseServer({ name, raw, override, position, context });
    faults.push(...server.faults);
    warnings.push(...server.warnings);
    return server.definition ? [server.definition] : [];
  });
  return { definitions, faults, warnings };
}

interface ServerEntry {
  readonly name: string;
  readonly raw: unknown;
  readonly override: unknown;
  readonly position: number;
  readonly context: MountsContext;
}

function parseServer({ name, raw, override, position, context }: ServerEntry): {
  readonly definition?: MountedServerDefinition;
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
} {
  const place = `mcpServers.${name}`;
  const { server, ...found } = parseTarget(raw, place, context);
  const said = parseOverride(override, `mcpServerConfig.${name}`);
  const faults = [...found.faults, ...said.faults];
  const warnings = [...found.warnings, ...said.warnings];
  if (!server || !said.keys) return { faults, warnings };
  const keys = { ...server.keys, ...given(said.keys) };
  const isLocal = server.target.type === 'stdio';
  return {
    faults,
    warnings,
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
  readonly warnings: readonly string[];
  readonly server?: {
    readonly keys: ServerKeys & { readonly disabledTools?: readonly string[] | undefined };
    readonly enabled: boolean;
    readonly target: McpServerTarget;
  };
}

function parseTarget(raw: unknown, place: string, context: MountsContext): ParsedServer {
  const { keys: own, faults } = ownKeys(raw, place);
  if (!own) return { faults, warnings: [] };
  const { entry, passedOver } = inOurWords(own, place);
  if ('command' in entry === 'url' in entry)
    return {
      faults: [...faults, `${place}: must have either a command or a url${meantIn(entry)}`],
      warnings: passedOver,
    };
  const schema = 'command' in entry ? stdioServer : httpServer;
  const known = knownKeys(entry, place, Object.keys(schema.shape), {
    silent: foreignKeys,
    lookalikes: new Set([
      ...foreignLookalikes,
      ...Object.keys(stdioServer.shape),
      ...Object.keys(httpServer.shape),
    ]),
  });
  const warnings = [...known.warnings, ...passedOver];
  const unfilled: string[] = [];
  const keys = withValues(known.keys, place, context.env, unfilled);
  const wrong = [...faults, ...known.faults, ...unfilled];
  const parsed = schema.safeParse(keys, { error: faultWords });
  if (!parsed.success)
    return { faults: [...wrong, ...faultsOf(parsed.error, place, Object.keys(schema.shape))], warnings };
  if (wrong.length > 0) return { faults: wrong, warnings };
  const { data } = parsed;
  const enabled = data.enabled ?? (data.disabled === undefined ? (data.isActive ?? true) : !data.disabled);
  return { faults: [], warnings, server: { keys: data, enabled, target: targetOf(data, context) } };
}

/**
 * Other clients have other names for some keys, write the whole command line as one text or list, put what is about the connection
 * into a group, or write null for what is not set.
 */
function inOurWords(
  own: PlainObject,
  place: string,
): { readonly entry: PlainObject; readonly passedOver: readonly string[] } {
  const entry = withoutNulls(own);
  for (const [ours, theirs] of Object.entries(otherNames))
    for (const name of theirs)
      if (name in entry) {
        entry[ours] ??= entry[name];
        delete entry[name];
      }
  if (isPlainObject(entry.type)) {
    const { type, ...connection } = withoutNulls(entry.type);
    delete entry.type;
    for (const [key, value] of Object.entries({ ...connection, ...(type !== undefined && { type }) }))
      entry[key] ??= value;
  }
  for (const key of ['command', 'url']) if (entry[key] === '') delete entry[key];
  if (isPlainObject(entry.env)) entry.env = withoutNulls(entry.env);
  Object.assign(entry, inWords(entry));
  return { entry, passedOver: typed(entry, place) };
}

const withoutNulls = (entry: PlainObject): PlainObject =>
  Object.fromEntries(Object.entries(entry).filter(([, value]) => value !== null));

/** A command line as its program and its words; a program may have blanks in its name. */
function inWords({ command, args }: PlainObject): PlainObject {
  if (typeof args === 'string') return { args: wordsOf(args) ?? args };
  if (Array.isArray(args) && args.length > 0) return {};
  if (Array.isArray(command)) return { command: command[0], args: command.slice(1) };
  if (typeof command !== 'string' || !/\S\s+\S/.test(command) || existsSync(command)) return {};
  const [program, ...words] = wordsOf(command) ?? [];
  return program === undefined ? {} : { command: program, args: words };
}

/** Placeholders are filled in later, and are no words of a shell. */
const wordsOf = (line: string): readonly string[] | undefined =>
  line.includes('$') ? line.trim().split(/\s+/) : commandWords(line);

/** Settles what kind of server it is: where the rest of the entry says so, a type that says otherwise is passed over. */
function typed(entry: PlainObject, place: string): readonly string[] {
  if (!('type' in entry)) return [];
  entry.type = plainType(entry.type);
  const isLocal = 'command' in entry;
  if (isLocal === 'url' in entry || typeof entry.type !== 'string') return [];
  const goesWith = isLocal ? entry.type === 'stdio' : Object.hasOwn(transports, entry.type);
  if (goesWith) return [];
  const said = JSON.stringify(printableText(entry.type, 64));
  delete entry.type;
  return [`${place}.type: ${said} does not go with a ${isLocal ? 'command' : 'url'}, ignored`];
}

/** Keys whose values may name variables, and in which a blank at the end was not meant. */
const valueKeys = ['command', 'args', 'env', 'cwd', 'url', 'headers', 'caFile'] as const;
const pathKeys = new Set(['command', 'cwd', 'caFile']);

function withValues(entry: PlainObject, place: string, env: Environment, faults: string[]): PlainObject {
  const keys = { ...entry };
  for (const key of valueKeys) {
    if (keys[key] === undefined) continue;
    const value = filledValue(keys[key], `${place}.${key}`, env, faults);
    if (typeof value === 'string') keys[key] = pathKeys.has(key) ? fromHome(value.trim(), env) : value.trim();
    else if (key === 'args' && Array.isArray(value))
      keys[key] = value.map((each) => (typeof each === 'string' ? fromHome(each, env) : each));
    else if (key === 'headers' && isPlainObject(value)) keys[key] = trimmed(value);
    else keys[key] = value;
  }
  return keys;
}

const trimmed = (headers: PlainObject): PlainObject =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [
      name.trim(),
      typeof value === 'string' ? value.trim() : value,
    ]),
  );

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
  { baseDirectory }: MountsContext,
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
  const { keys: own = {}, faults: found } = ownKeys(raw ?? {}, place);
  const known = knownKeys(own, place, Object.keys(serverOverride.shape), { silent: foreignKeys });
  const faults = [...found, ...known.faults];
  const warnings = [...known.warnings];
  const parsed = serverOverride.safeParse(known.keys, { error: faultWords });
  const tools: Record<string, MountedToolOverride> = {};
  if (!parsed.success || faults.length > 0) {
    const more = parsed.error ? faultsOf(parsed.error, place, Object.keys(serverOverride.shape)) : [];
    return { faults: [...faults, ...more], warnings, tools };
  }
  const entries = Object.entries(parsed.data.tools ?? {});
  if (entries.length > maxToolOverrides)
    return { faults: [`${place}.tools: at most ${maxToolOverrides} tools`], warnings, tools };
  for (const [name, rawTool] of entries) {
    const tool = parseToolOverride(rawTool, `${place}.tools.${name}`);
    faults.push(...tool.faults);
    warnings.push(...tool.warnings);
    // Not a plain assignment: a tool may be called `__proto__`.
    Object.defineProperty(tools, name, { value: tool.override, enumerable: true });
  }
  return { faults, warnings, keys: parsed.data, tools };
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
  const { keys: own = {}, faults: found } = ownKeys(raw, place);
  const known = knownKeys(own, place, Object.keys(toolOverride.shape), { silent: foreignKeys });
  const { warnings } = known;
  const faults = [...found, ...known.faults];
  const parsed = toolOverride.safeParse(known.keys, { error: faultWords });
  if (parsed.success && faults.length === 0) return { faults, warnings, override: given(parsed.data) };
  const more = parsed.error ? faultsOf(parsed.error, place, Object.keys(toolOverride.shape)) : [];
  return { faults: [...faults, ...more], warnings, override: { enable: false } };
}

/** In our spelling. */
function ownKeys(
  raw: unknown,
  place: string,
): { readonly keys?: PlainObject; readonly faults: readonly string[] } {
  if (!isPlainObject(raw)) return { faults: [`${place}: must be an object`] };
  const { tool: keys, faults } = withCamelCase(raw, place);
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
  if (!/^[^\p{Cc}\p{Cf}\p{Surrogate}]{1,100}$/u.test(name))
    return 'mcpServers: the name of a server must have 1 to 100 printable characters';
  // No address of the control API could name it.
  if (/^\.{1,2}$/.test(name)) return 'mcpServers: the name of a server must not be "." or ".."';
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
