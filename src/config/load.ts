import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { ClientError, ErrorCode } from '../core/errors.ts';
import { readConfigFile, unreadable } from './config-file.ts';
import { CONFIG_FILE_VARIABLE, type Environment, givenByEnvironment } from './environment.ts';
import { faultsOf } from './faults.ts';
import { ownSections } from './foreign-sections.ts';
import { isPlainObject, type Merged, merge } from './layers.ts';
import { givenByOverrides, type Override } from './options.ts';
import { type Config, ConfigSchema } from './schema.ts';
import { parseServerAddress } from './server-address.ts';
import { isGroup } from './settings.ts';
import { toolsSectionFaults } from './tools.ts';

export interface LoadInput {
  /** From `--config`; must exist when given. */
  readonly configFile?: string | undefined;
  readonly overrides: readonly Override[];
  readonly env: Environment;
}

export interface LoadedConfig {
  readonly config: Config;
  /** Dotted path of every setting that has a value → `default`, `file …:line`, `environment …` or `argument …`. */
  readonly sources: ReadonlyMap<string, string>;
  /** The file that was read, if any. */
  readonly file?: string | undefined;
  /** Sections of other programs in it, which are passed over: a line each. */
  readonly warnings: readonly string[];
}

/**
 * Default ← file ← environment ← command line. Reads, never writes.
 * @throws ClientError CONFIG_INVALID with all faults at once, or CONFIG_UNREADABLE.
 */
export async function loadConfig({ configFile, overrides, env }: LoadInput): Promise<LoadedConfig> {
  const demanded = configFile ?? (env[CONFIG_FILE_VARIABLE] || undefined);
  const file = demanded ?? defaultConfigFile(env);
  const fromFile = await readConfigFile(file);
  if (fromFile === undefined && demanded !== undefined) throw unreadable(file, 'There is no such file.');
  const own = ownSections(fromFile ?? []);
  const fromEnvironment = givenByEnvironment(env);
  const merged = merge([...own.given, ...fromEnvironment.given, ...givenByOverrides(overrides)], isGroup);
  // Once a start: a parser made of text would cost more than it saves.
  const parsed = ConfigSchema.safeParse(merged.raw, { jitless: true });
  const faults = [...fromEnvironment.faults, ...(parsed.error ? faultsOf(parsed.error, merged) : [])];
  if (parsed.data) faults.push(...contradictions(parsed.data));
  if (merged.raw.mcp !== undefined) faults.push(...toolsSectionFaults(merged.raw.mcp));
  if (!parsed.data || faults.length > 0) throw invalid(faults);
  return {
    ...withImplied(parsed.data, merged),
    file: fromFile === undefined ? undefined : file,
    warnings: own.warnings,
  };
}

/** `$XDG_CONFIG_HOME/xiaozhi-speaker/config.json`. */
export function defaultConfigFile(env: Environment): string {
  return join(xdgDirectory(env, 'XDG_CONFIG_HOME', '.config'), 'config.json');
}

/** Where identity and tasks are kept (contract: files). */
export function stateDirectory({ paths }: Config, env: Environment): string {
  return paths.state === undefined
    ? xdgDirectory(env, 'XDG_STATE_HOME', '.local/state')
    : home(paths.state, env);
}

export function cacheDirectory({ paths }: Config, env: Environment): string {
  return paths.cache === undefined ? xdgDirectory(env, 'XDG_CACHE_HOME', '.cache') : home(paths.cache, env);
}

/** The XDG specification says to ignore relative paths. */
function xdgDirectory(env: Environment, variable: string, fallback: string): string {
  const set = env[variable];
  const base = set && isAbsolute(set) ? set : join(env.HOME || homedir(), fallback);
  return join(base, 'xiaozhi-speaker');
}

/** No shell expands `~` in a file. */
export function home(path: string, env: Environment): string {
  return path.startsWith('~/') ? join(env.HOME || homedir(), path.slice(2)) : path;
}

function contradictions({ server }: Config): string[] {
  const faults: string[] = [];
  const kind = parseServerAddress(server.url)?.kind;
  if (kind === 'websocket' && server.transport === 'mqtt')
    faults.push(
      'server.transport: found "mqtt" with a WebSocket URL in server.url, allowed is "auto" or "websocket"',
    );
  if (kind === 'mqtt' && server.transport === 'websocket')
    faults.push(
      'server.transport: found "websocket" with an MQTT address in server.url, allowed is "auto" or "mqtt"',
    );
  if (server.recovery.firstDelayMs > server.recovery.maxDelayMs)
    faults.push(
      `server.recovery.firstDelayMs: found ${server.recovery.firstDelayMs}, allowed is at most server.recovery.maxDelayMs (${server.recovery.maxDelayMs})`,
    );
  return faults;
}

function withImplied(config: Config, merged: Merged): Pick<LoadedConfig, 'config' | 'sources'> {
  const sources = new Map(sourcesOf(config, merged, ''));
  const implied = config.conversation.turns !== undefined && sources.get('conversation.start') === 'default';
  if (!implied) return { config, sources };
  sources.set('conversation.start', 'implied by conversation.turns');
  return { config: { ...config, conversation: { ...config.conversation, start: true } }, sources };
}

function* sourcesOf(value: object, merged: Merged, prefix: string): Generator<[string, string]> {
  for (const [key, inner] of Object.entries(value)) {
    const path = prefix + key;
    if (isPlainObject(inner) && !merged.sources.has(path)) yield* sourcesOf(inner, merged, `${path}.`);
    else if (inner !== undefined) yield [path, merged.sources.get(path) ?? 'default'];
  }
}

function invalid(faults: readonly string[]): ClientError {
  const count = faults.length === 1 ? 'a fault' : `${faults.length} faults`;
  return new ClientError(
    ErrorCode.configInvalid,
    `The configuration has ${count}:\n${faults.map((fault) => `  ${fault}`).join('\n')}\nconfig/README.md explains every key; \`xiaozhi-speaker config\` shows where each value comes from.`,
  );
}
