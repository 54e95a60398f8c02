import { openEventStream } from '../adapters/display/event-stream.ts';
import type { KeyCommand } from '../adapters/display/key-commands.ts';
import type { TerminalDisplay } from '../adapters/display/terminal-display.ts';
import { createLogger, type LogLevel } from '../adapters/log/console-logger.ts';
import { streamDestination } from '../adapters/log/stream-destination.ts';
import { resolveLanguage } from '../config/language.ts';
import type { LoadedConfig } from '../config/load.ts';
import type { Clock } from '../core/clock.ts';
import { lazyPart } from '../core/lazy-part.ts';
import type { Logger } from '../core/logger.ts';
import {
  createKnownSecrets,
  type KnownSecrets,
  secretsOfConfiguration,
  secretsOfEnvironment,
} from '../core/secrets.ts';
import type { StatusDisplay, StatusEvent } from '../ports/status-display.ts';
import { withoutKnownSecrets } from '../runtime/event-hub.ts';
import type { CliContext } from './context.ts';

/** Where a running device is seen: a terminal or log lines, and the event stream. */
export interface RunScreen {
  readonly display: StatusDisplay;
  /** What `t` of events counts from. */
  readonly startMs: number;
  readonly logger: Logger;
  /** Those of the configuration and of the environment, to begin with. */
  readonly secrets: KnownSecrets;
  /** Undefined when nobody sits in front of it. */
  readonly terminal: TerminalDisplay | undefined;
  say(line: string): void;
  /** For scripts alone: into the event stream, if there is one. */
  record(event: StatusEvent): void;
  /** From now on keys are commands, to this listener alone. */
  listen(onCommand: (command: KeyCommand) => void): void;
  close(): Promise<void>;
}

/** @throws ClientError when the event file cannot be written */
export async function openRunScreen(
  { config, sources }: LoadedConfig,
  context: CliContext,
  clock: Clock,
): Promise<RunScreen> {
  const { stdin, stdout, stderr, env } = context;
  const startMs = clock.now();
  const interactive = stdout.isTTY && config.log.events !== '-';
  const terminal = interactive ? await openTerminal(config.display.language, context, clock) : undefined;
  const secrets = createKnownSecrets();
  secrets.add([...secretsOfConfiguration(config), ...secretsOfEnvironment(env)]);
  const errors = streamDestination(stderr);
  const destination =
    terminal && stderr.isTTY ? { write: (line: string) => terminal.writeLine(line) } : errors;
  // On a screen the conversation itself is shown; log lines are for those who ask for them.
  const quiet = terminal !== undefined && sources.get('log.level') === 'default';
  const level: LogLevel = quiet ? 'error' : config.log.level;
  const format = config.log.format === 'auto' ? (stderr.isTTY ? 'pretty' : 'json') : config.log.format;
  const logger = await createLogger({
    level,
    format,
    private: config.log.private,
    // Whoever has made the line: what is known to be a secret is in none.
    destination: { write: (line) => destination.write(secrets.hide(line)) },
    color: stderr.isTTY && !env.NO_COLOR,
  });
  const displays: StatusDisplay[] = [];
  if (terminal) displays.push(terminal);
  else
    displays.push(
      (await import('../adapters/display/log-display.ts')).createLogDisplay(logger.child('device')),
    );
  const events =
    config.log.events === undefined
      ? undefined
      : await openEventStream({
          target: config.log.events,
          stdout,
          clock,
          startMs,
          stop: context.stop,
          onEnd: (error) => logger.warn(error.message, { code: error.code }),
        }).catch((thrown: unknown) => {
          terminal?.close();
          throw thrown;
        });
  if (events) displays.push(events);
  let stopListening: (() => void) | undefined;
  let obey: (command: KeyCommand) => void = () => {};
  return {
    display: {
      show: (event) => {
        for (const display of displays) display.show(event);
      },
    },
    startMs,
    logger,
    secrets,
    terminal,
    say: (line) => (terminal ? terminal.writeLine(secrets.hide(line)) : logger.info(line)),
    record: (event) => events?.show(withoutKnownSecrets(event, secrets)),
    listen: (onCommand) => {
      obey = onCommand;
      if (!terminal || !stdin.isTTY || stopListening) return;
      stopListening = () => {};
      loadKeyboard().then(
        ({ openKeyboard }) => {
          const keyboard = openKeyboard({
            input: stdin,
            output: stdout,
            clock,
            onCommand: (command) => obey(command),
            onEdit: (text) => terminal.showEdit(text),
          });
          stopListening = () => keyboard.close();
        },
        ({ message }: Error) => terminal.writeLine(message),
      );
    },
    close: async () => {
      stopListening?.();
      terminal?.close();
      await events?.close();
    },
  };
}

const loadKeyboard = lazyPart(() => import('../adapters/display/keyboard.ts'));

async function openTerminal(
  language: 'auto' | 'en' | 'zh-CN',
  { stdout, env }: CliContext,
  clock: Clock,
): Promise<TerminalDisplay> {
  const [{ createTerminalDisplay }, { wordsFor }] = await Promise.all([
    import('../adapters/display/terminal-display.ts'),
    import('../adapters/display/words.ts'),
  ]);
  const words = wordsFor(resolveLanguage(language, env) === 'zh-CN' ? 'zh-CN' : 'en');
  return createTerminalDisplay({ screen: stdout, clock, words, color: !env.NO_COLOR });
}
