import type { KeyCommand } from '../adapters/display/key-commands.ts';
import { type App, createApp } from '../app.ts';
import { levelPercent } from '../audio/gain.ts';
import { defaultConfigFile, type LoadedConfig, loadConfig } from '../config/load.ts';
import { type RunOptions, runOptionOverrides } from '../config/options.ts';
import { parseServerAddress } from '../config/server-address.ts';
import { monotonicClock } from '../core/clock.ts';
import { ClientError } from '../core/errors.ts';
import { assertNever } from '../core/exhaustive.ts';
import type { KnownSecrets } from '../core/secrets.ts';
import { errorEvent, type StatusDisplay } from '../ports/status-display.ts';
import type { VerbControl } from '../ports/verbs.ts';
import type { Device } from '../runtime/device.ts';
import { bundledRecordingPath } from './bundled-recording.ts';
import { type CliContext, type CommandAction, ExitCode } from './context.ts';
import { readLineVerbs } from './line-verbs.ts';
import { openRunScreen, type RunScreen } from './run-screen.ts';
import { feedServiceWatchdog } from './service-watchdog.ts';
import { TurnDriver } from './turn-driver.ts';
import { TypedText } from './typed-text.ts';

const clock = monotonicClock;

/** The device, until it is told to stop or its turns are done. A server may ask for a restart in between. */
export const runAction: CommandAction<RunOptions> = async (options, context) => {
  const loaded = await loadConfig({
    configFile: options.config,
    overrides: runOptionOverrides(options),
    env: context.env,
  });
  const screen = await openRunScreen(loaded, context, clock).catch((thrown: unknown) => {
    if (context.stop.aborted) return undefined;
    throw thrown;
  });
  if (!screen) return ExitCode.done;
  for (const warning of loaded.warnings) screen.say(warning);
  const { driver, done } = planTurns(loaded, screen);
  const typed = new TypedText();
  const lines = openLines(context, screen);
  const stopFeeding = feedServiceWatchdog({ env: context.env, clock });
  try {
    for (;;) {
      const exitCode = await runOnce({ loaded, screen, context, driver, typed, lines, done });
      if (exitCode !== 'restart') return exitCode;
    }
  } catch (thrown) {
    // Ctrl-C also ends what was being asked whether it works; that is no news.
    if (context.stop.aborted) return ExitCode.done;
    // The person is told when the program ends; scripts read the events.
    if (!(thrown instanceof ClientError)) throw thrown;
    screen.record(errorEvent(thrown));
    throw withoutKnown(thrown, screen.secrets);
  } finally {
    lines.close();
    stopFeeding();
    driver.close();
    await screen.close();
  }
};

/** What ends the program is told to the person as it stands. */
function withoutKnown(error: ClientError, { hide }: KnownSecrets): ClientError {
  const message = hide(error.message);
  if (message === error.message) return error;
  return new ClientError(error.code, message, { retryable: error.retryable, cause: error.cause });
}

interface RunParts {
  readonly loaded: LoadedConfig;
  readonly screen: RunScreen;
  readonly context: CliContext;
  readonly driver: TurnDriver;
  readonly typed: TypedText;
  readonly lines: Lines;
  /** Exit code, once the turns are done or cannot be. */
  readonly done: Promise<number>;
}

function planTurns({ config }: LoadedConfig, { display, say }: RunScreen): Pick<RunParts, 'driver' | 'done'> {
  let onDone: (exitCode: number) => void = () => {};
  const done = new Promise<number>((resolve) => {
    onDone = resolve;
  });
  if (config.conversation.timeoutSeconds !== undefined && config.conversation.turns === undefined)
    say('A time-out (--timeout) counts only together with a number of turns (--turns); it is not used.');
  return { driver: new TurnDriver(config.conversation, { clock, display, onDone }), done };
}

async function runOnce({
  loaded,
  screen,
  context,
  driver,
  typed,
  lines,
  done,
}: RunParts): Promise<number | 'restart'> {
  let finish: (outcome: number | 'restart') => void = () => {};
  const ended = new Promise<number | 'restart'>((resolve) => {
    finish = resolve;
  });
  const display: StatusDisplay = {
    show: (event) => {
      screen.display.show(event);
      driver.show(event);
      typed.show(event);
    },
  };
  const onStop = () => finish(ExitCode.done);
  context.stop.addEventListener('abort', onStop, { once: true });
  let app: App | undefined;
  try {
    app = await openApp(loaded, screen, display, context);
    const { device } = app;
    driver.attach((event) => device.send(event));
    attachPerson(device, screen, typed, onStop);
    lines.serve(app.verbs, onStop);
    device.ended.then(
      (end) => finish(end === 'restart' ? 'restart' : ExitCode.done),
      () => finish(ExitCode.failed),
    );
    if (context.stop.aborted) onStop();
    device.start();
    typed.handOver(device);
    return await Promise.race([done, ended]);
  } finally {
    context.stop.removeEventListener('abort', onStop);
    lines.serve(undefined, () => {});
    await app?.close();
  }
}

/** Verbs on a standard input that is no terminal. */
interface Lines {
  /** From now on they are for this device. */
  serve(verbs: VerbControl | undefined, quit: () => void): void;
  close(): void;
}

function openLines({ stdin }: CliContext, { say }: RunScreen): Lines {
  let current: VerbControl | undefined;
  let end = () => {};
  const stop = stdin.isTTY
    ? () => {}
    : readLineVerbs({ input: stdin, verbs: () => current, answer: say, quit: () => end() });
  return {
    serve(verbs, quit) {
      current = verbs;
      end = quit;
    },
    close: stop,
  };
}

function openApp(
  { config, file, sources }: LoadedConfig,
  screen: RunScreen,
  display: StatusDisplay,
  context: CliContext,
): Promise<App> {
  const recording = bundledRecordingPath();
  if (config.demo.impair !== undefined && parseServerAddress(config.server.url)?.kind !== 'embedded')
    screen.say(impairsNothing);
  return createApp({
    config,
    file,
    volumeIsConfigured: sources.get('audio.volumePercent') !== 'default',
    env: context.env,
    clock,
    startMs: screen.startMs,
    logger: screen.logger,
    secrets: screen.secrets,
    display,
    say: screen.say,
    isUnwatched: screen.terminal === undefined && config.conversation.turns === undefined,
    demoMicrophone: recording === undefined ? undefined : `wav:${recording}`,
    startDemoServer: async () => {
      const demo = await import('./demo-server-parts.ts');
      const server = await demo.composeDemoServer(
        {
          ...config.demo,
          recording,
          behaviour: config.server.embedded,
          ...(config.server.transport === 'mqtt' ? { mqtt: {} } : {}),
        },
        screen.logger,
      );
      const { otaUrl } = await server.start();
      screen.say('This is the embedded demo server: it needs no account and repeats what you say.');
      screen.say(
        `Next: npm start -- --server cloud, or put "server" into ${file ?? defaultConfigFile(context.env)}`,
      );
      return { otaUrl, stop: () => server.stop() };
    },
  });
}

/** The bad network is made by the demo server, on what passes through this process. */
const impairsNothing =
  '--impair makes a bad network to the embedded demo server only; the way to this server stays as it is. Try it with --server embedded.';

function attachPerson(
  device: Device,
  { terminal, listen }: RunScreen,
  typed: TypedText,
  quit: () => void,
): void {
  if (terminal) {
    device.tapMicrophone((frame) => {
      terminal.showLevel(device.status === 'listening' ? levelPercent(frame) : undefined);
    });
  }
  terminal?.showVolume(device.volumePercent, device.muted);
  listen((command) => {
    if (command.type === 'text') typed.submit(device, command.text);
    else obey(command, device, quit);
    terminal?.showVolume(device.volumePercent, device.muted);
  });
}

function obey(command: Exclude<KeyCommand, { type: 'text' }>, device: Device, quit: () => void): void {
  switch (command.type) {
    case 'toggle':
      device.send({ type: 'talk.toggled' });
      break;
    case 'press':
      device.send({ type: 'talk.pressed' });
      break;
    case 'release':
      device.send({ type: 'talk.released' });
      break;
    case 'mute':
      device.setMuted(!device.muted);
      break;
    case 'volume':
      device.setVolume(device.volumePercent + command.delta);
      break;
    case 'quit':
      quit();
      break;
    case 'interrupt':
      // In raw mode the terminal sends none; the exit code is that of the signal (130).
      process.kill(process.pid, 'SIGINT');
      break;
    default:
      assertNever(command);
  }
}
