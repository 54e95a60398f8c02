import { ClientError, ErrorCode } from '../core/errors.ts';
import type { Given } from './layers.ts';
import { leaves } from './layers.ts';
import { valueOfText } from './text-value.ts';

/** Options of `run` (and of every command that reads the configuration) as the command line gave them. */
export interface RunOptions {
  readonly config?: string;
  readonly server?: string;
  readonly transport?: string;
  readonly mic?: string;
  readonly speaker?: string;
  readonly mode?: string;
  readonly start?: boolean;
  readonly say?: readonly string[];
  readonly turns?: string;
  readonly timeout?: string;
  readonly events?: string;
  readonly logLevel?: string;
  readonly impair?: string;
  readonly logFormat?: string;
  /** `path=value` each. */
  readonly set?: readonly string[];
}

/** A setting given on the command line. */
export interface Override {
  /** Dotted path. */
  readonly path: string;
  /** A string is read like an environment variable: text where text is expected, else JSON. */
  readonly value: unknown;
  readonly source: string;
}

type NamedOption = Exclude<keyof RunOptions, 'config' | 'set'>;

/** Option → flag, environment variable and key. */
export const optionKeys: Readonly<Record<NamedOption, { flag: string; variable: string; path: string }>> = {
  server: { flag: '--server', variable: 'XIAOZHI_SERVER', path: 'server.url' },
  transport: { flag: '--transport', variable: 'XIAOZHI_TRANSPORT', path: 'server.transport' },
  mic: { flag: '--mic', variable: 'XIAOZHI_MIC', path: 'audio.microphone' },
  speaker: { flag: '--speaker', variable: 'XIAOZHI_SPEAKER', path: 'audio.loudspeaker' },
  mode: { flag: '--mode', variable: 'XIAOZHI_MODE', path: 'conversation.mode' },
  start: { flag: '--start', variable: 'XIAOZHI_START', path: 'conversation.start' },
  say: { flag: '--say', variable: 'XIAOZHI_SAY', path: 'conversation.say' },
  turns: { flag: '--turns', variable: 'XIAOZHI_TURNS', path: 'conversation.turns' },
  timeout: { flag: '--timeout', variable: 'XIAOZHI_TIMEOUT', path: 'conversation.timeoutSeconds' },
  impair: { flag: '--impair', variable: 'XIAOZHI_IMPAIR', path: 'demo.impair' },
  events: { flag: '--events', variable: 'XIAOZHI_EVENTS', path: 'log.events' },
  logLevel: { flag: '--log-level', variable: 'XIAOZHI_LOG_LEVEL', path: 'log.level' },
  logFormat: { flag: '--log-format', variable: 'XIAOZHI_LOG_FORMAT', path: 'log.format' },
};

/**
 * Command line → settings. Named options win over `--set`.
 * @throws ClientError USAGE_INVALID for a `--set` without `=`.
 */
export function runOptionOverrides(options: RunOptions): Override[] {
  const named = Object.entries(optionKeys).flatMap(([name, { flag, path }]) => {
    const value = options[name as NamedOption];
    return value === undefined ? [] : [{ path, value, source: `argument ${flag}` }];
  });
  return [...(options.set ?? []).map(assignment), ...named];
}

function assignment(text: string): Override {
  const at = text.indexOf('=');
  const path = text.slice(0, at).trim();
  if (at < 0 || !/^[^.\s]+(\.[^.\s]+)*$/.test(path))
    throw new ClientError(
      ErrorCode.usageInvalid,
      'Write --set as path=value, for example --set audio.volumePercent=50.',
    );
  return { path, value: text.slice(at + 1), source: `argument --set ${path}` };
}

export function givenByOverrides(overrides: readonly Override[]): Given[] {
  return overrides.flatMap(({ path, value, source }) => {
    const keys = path.split('.');
    return leaves(typeof value === 'string' ? valueOfText(keys, value) : value, keys, source);
  });
}
