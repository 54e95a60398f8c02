import { pino, stdTimeFunctions } from 'pino';
import type { LogFields, Logger } from '../../core/logger.ts';
import { safeFields, safeText } from './safe-fields.ts';

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent';

/** Takes one line at a time, with its line break. Must not throw. */
export interface LogDestination {
  write(line: string): void;
}

export interface LoggerOptions {
  readonly level: LogLevel;
  /** `pretty` for people; `json`: one object per line with level, time, scope, fields and msg. */
  readonly format: 'pretty' | 'json';
  /** Whether fields under `private` (transcripts) are shown. */
  readonly private: boolean;
  readonly destination: LogDestination;
  /** Colours of the pretty format. */
  readonly color?: boolean;
}

/** The device's log. Lines are written at once, in order, without secrets; fields of any shape and size are safe. */
export async function createLogger(options: LoggerOptions): Promise<Logger> {
  const destination = options.format === 'json' ? options.destination : await prettyDestination(options);
  const root = pino(
    {
      level: options.level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (level) => ({ level }) },
    },
    destination,
  );
  return loggerOver(root, undefined, options.private);
}

function loggerOver(sink: pino.Logger, scope: string | undefined, showPrivate: boolean): Logger {
  const log = (
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields: LogFields | undefined,
  ) => {
    if (!sink.isLevelEnabled(level)) return;
    const shown = shownFields(fields, showPrivate);
    sink[level]({ ...(scope && { scope }), ...(shown && { fields: shown }) }, safeText(message));
  };
  return {
    child: (part) => loggerOver(sink, scope === undefined ? part : `${scope}.${part}`, showPrivate),
    debug: (message, fields) => log('debug', message, fields),
    info: (message, fields) => log('info', message, fields),
    warn: (message, fields) => log('warn', message, fields),
    error: (message, fields) => log('error', message, fields),
  };
}

function shownFields(fields: LogFields | undefined, showPrivate: boolean): object | undefined {
  if (fields === undefined) return undefined;
  const { private: personal, ...open } = fields;
  const shown = safeFields(showPrivate && personal !== undefined ? { ...open, ...personal } : open);
  return Object.keys(shown).length === 0 ? undefined : shown;
}

/** Loaded on use: a device that logs JSON, or nothing, starts without it. */
async function prettyDestination({ destination, color = false }: LoggerOptions): Promise<LogDestination> {
  const [pretty, { prettyLine }] = await Promise.all([import('pino-pretty'), import('./pretty-line.ts')]);
  // By its default export: the only one that a CommonJS package has everywhere, bundled or not.
  const format = pretty.default.prettyFactory({
    colorize: color,
    // The line brings its own colours; the default would paint all of it.
    customColors: 'message:reset',
    hideObject: true,
    ignore: 'time,level,scope,fields',
    messageFormat: prettyLine,
  });
  return { write: (line) => destination.write(format(line)) };
}
