import { constants } from 'node:os';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { CliContext, CommandAction } from './cli/context.ts';
import { ExitCode } from './cli/context.ts';
import { exitCodeOf } from './cli/exit-codes.ts';
import { leaveLostTerminals, outlivesTerminal } from './cli/hangup.ts';
import { installLastResort } from './cli/last-resort.ts';
import { ClientError, ErrorCode, messageOf } from './core/errors.ts';
import { programVersion } from './core/version.ts';
import { giveAddressesTime } from './network/address-time.ts';
import { useProxies } from './network/proxy.ts';

const stopping = new AbortController();
let stopSignal: NodeJS.Signals | undefined;

function stopBy(signal: NodeJS.Signals): void {
  stopSignal = signal;
  stopping.abort();
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.on(signal, () => {
    // Asked twice, the person means it.
    if (stopSignal) process.exit(128 + constants.signals[signal]);
    stopBy(signal);
  });
}

// A terminal that is closed may send it twice: itself, and by its shell.
process.on('SIGHUP', () => {
  if (!stopSignal && !outlivesTerminal()) stopBy('SIGHUP');
});

leaveLostTerminals();
const lastResort = installLastResort(process.stderr, () => stopping.abort());

// `doctor | head`: who reads no further needs no stack trace, and a device goes on without them.
let unwritten: NodeJS.ErrnoException | undefined;
process.stdout.on('error', (error) => {
  unwritten ??= error;
});
process.stderr.on('error', () => {});

const context: CliContext = {
  env: process.env,
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  stop: stopping.signal,
};

async function prepareNetwork(): Promise<void> {
  giveAddressesTime();
  for (const fault of await useProxies(context.env)) process.stderr.write(`${fault}\n`);
}

async function run<Options>(action: CommandAction<Options>, options: Options): Promise<void> {
  await prepareNetwork();
  finish(await action(options, context));
}

/** A report that nobody got is none: a full disk is told, a reader who has left knows. */
async function report<Options>(action: CommandAction<Options>, options: Options): Promise<void> {
  await prepareNetwork();
  const exitCode = await action(options, context);
  await new Promise<void>((resolve) => process.stdout.write('', () => resolve()));
  if (unwritten !== undefined && unwritten.code !== 'EPIPE')
    process.stderr.write(
      `The report could not be written (${messageOf(unwritten)}). [${ErrorCode.internal}]\n`,
    );
  finish(unwritten === undefined ? exitCode : exitCode || ExitCode.failed);
}

function finish(exitCode: number): void {
  if (lastResort.hasStruck) return;
  process.exitCode = stopSignal ? 128 + constants.signals[stopSignal] : exitCode;
}

const collect = (value: string, earlier: readonly string[] | undefined): readonly string[] => [
  ...(earlier ?? []),
  value,
];

function milliseconds(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 3_600_000) {
    throw new InvalidArgumentError('A time is a whole number of milliseconds from 0 to 3600000.');
  }
  return value;
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0 || value > 65_535) {
    throw new InvalidArgumentError('A port is a whole number from 0 to 65535.');
  }
  return value;
}

const withConfigOptions = (command: Command): Command =>
  command
    .option('--config <file>', 'configuration file')
    .option('--server <server>', 'embedded, cloud, an http(s)://…/ota/, ws(s):// or mqtt:// address')
    .option('--transport <transport>', 'auto, websocket or mqtt')
    .option('--mic <spec>', 'auto, portaudio[:device], record[:device], wav:FILE or null')
    .option('--speaker <spec>', 'auto, play[:device], speaker[:device], portaudio[:device], wav:FILE or null')
    .option('--mode <mode>', 'auto, manual or realtime')
    .option('--start', 'begin listening at once')
    .option('--say <text>', 'send a text turn instead of speech; repeatable', collect)
    .option('--turns <n>', 'exit after so many finished turns')
    .option('--timeout <seconds>', 'with --turns: exit 1 if they are not done by then')
    .option('--events <file>', 'write events as JSON lines; - is standard output')
    .option('--impair <network>', 'a bad network to the embedded demo server, loss=5%,jitter=40ms,…')
    .option('--log-level <level>', 'debug, info, warn, error or silent')
    .option('--log-format <format>', 'pretty or json')
    .option('--set <path=value>', 'set any configuration key; repeatable', collect);

const program = new Command('xiaozhi-speaker')
  .description('A 小智 (xiaozhi) voice device for Linux.')
  .version(programVersion)
  .showHelpAfterError('(--help lists what there is)')
  .configureHelp({ helpWidth: 100 })
  .enablePositionalOptions()
  .exitOverride();

withConfigOptions(
  program
    .command('run', { isDefault: true })
    .description('the device')
    .argument('[command]')
    .usage('[options]'),
).action(async (word: string | undefined, options) => {
  if (program.commands.some((command) => command.name() === word))
    program.error(`error: the command comes before its options: ${word} …`);
  if (word !== undefined) program.error(`error: there is no command "${word}"`);
  const { runAction } = await import('./cli/run.ts');
  await run(runAction, options);
});

withConfigOptions(
  program.command('doctor').description('report what works, what is missing and what fixes it'),
)
  .option('--sound', 'play a sweep and record it: level, delay, drift')
  .action(async (options) => {
    const { doctorAction } = await import('./cli/doctor.ts');
    await report(doctorAction, options);
  });

program
  .command('devices')
  .description('microphones and loudspeakers, with the words to put into the configuration')
  .action(async () => {
    const { devicesAction } = await import('./cli/devices.ts');
    await report(devicesAction, {});
  });

withConfigOptions(
  program.command('config').description('the effective configuration and where each value comes from'),
)
  .option('--schema', 'print the JSON Schema of the configuration file')
  .action(async (options) => {
    const { configAction } = await import('./cli/config.ts');
    await report(configAction, options);
  });

/** Words for the running device; `words` are those after the command. */
function verbCommand(name: string, description: string, argument?: readonly [string, string]): Command {
  const command = program.command(name).description(description);
  if (argument) command.argument(...argument);
  return withConfigOptions(command)
    .option('--json', 'the answer as JSON')
    .action(async (...given: unknown[]) => {
      const words = argument ? [given[0]].flat().filter((word) => word !== undefined) : [];
      const options = given[argument ? 1 : 0] as { readonly notice?: boolean };
      const line = [name, ...(options.notice ? ['--notice'] : []), ...words].join(' ');
      const { verbAction } = await import('./cli/verbs.ts');
      await report(verbAction, { ...options, line });
    });
}
verbCommand('talk', 'press the talk key of the running device', ['[action]', 'press, release or toggle']);
verbCommand('release', 'let go of its talk key');
verbCommand('interrupt', 'stop what it says');
verbCommand('hangup', 'end its conversation');
verbCommand('say', 'ask it a text, or have it spoken', ['<text...>', 'what to ask']).option(
  '--notice',
  'spoken when nobody talks',
);
verbCommand('mute', 'switch off its loudspeaker or its microphone', ['[what]', 'loudspeaker or microphone']);
verbCommand('unmute', 'switch it on again', ['[what]', 'loudspeaker or microphone']);
verbCommand('volume', 'set its volume', ['<percent>', '0 to 100']);
verbCommand('mode', 'how its next conversation listens', ['<mode>', 'auto, manual or realtime']);

const tools = program.command('tools').description('the tools of this device, without a conversation');
withConfigOptions(tools.command('list').description('the tools a server is offered'))
  .option('--channel <channel>', 'what a server is answered there, byte for byte: device or access-point')
  .option('--endpoint <name>', 'with --channel access-point: which one, where there are several')
  .action(async (options) => {
    const { toolsListAction } = await import('./cli/tools.ts');
    await report(toolsListAction, options);
  });
withConfigOptions(tools.command('call').description('call one tool as the model would').argument('<name>'))
  .option('--args <json>', 'arguments as a JSON object')
  .action(async (name: string, options) => {
    const { toolsCallAction } = await import('./cli/tools.ts');
    await report(toolsCallAction, { ...options, name });
  });

const tasks = program.command('tasks').description('background tasks, finished and untold ones included');
withConfigOptions(tasks.command('list').description('all tasks')).action(async (options) => {
  const { tasksListAction } = await import('./cli/tasks.ts');
  await report(tasksListAction, options);
});
withConfigOptions(tasks.command('show').description('one task with its result').argument('<id>')).action(
  async (id: string, options) => {
    const { tasksShowAction } = await import('./cli/tasks.ts');
    await report(tasksShowAction, { ...options, id });
  },
);
withConfigOptions(tasks.command('cancel').description('stop a running task').argument('<id>')).action(
  async (id: string, options) => {
    const { tasksCancelAction } = await import('./cli/tasks.ts');
    await report(tasksCancelAction, { ...options, id });
  },
);

const mcp = program.command('mcp').description('the MCP servers that the running device has mounted');
const mcpCommand = (command: Command): Command =>
  withConfigOptions(command).option('--json', 'the answer as JSON');
mcpCommand(mcp.command('list').description('all of them, with what they are doing')).action(
  async (options) => {
    const { mcpListAction } = await import('./cli/mcp.ts');
    await report(mcpListAction, options);
  },
);
mcpCommand(mcp.command('restart').description('start one anew').argument('<name>')).action(
  async (name: string, options) => {
    const { mcpRestartAction } = await import('./cli/mcp.ts');
    await report(mcpRestartAction, { ...options, name });
  },
);
mcpCommand(mcp.command('enable').description('offer its tools again').argument('<name>')).action(
  async (name: string, options) => {
    const { mcpEnableAction } = await import('./cli/mcp.ts');
    await report(mcpEnableAction, { ...options, name });
  },
);
mcpCommand(
  mcp.command('disable').description('stop it and offer none of its tools').argument('<name>'),
).action(async (name: string, options) => {
  const { mcpDisableAction } = await import('./cli/mcp.ts');
  await report(mcpDisableAction, { ...options, name });
});
mcpCommand(mcp.command('logs').description('what it has written last').argument('<name>')).action(
  async (name: string, options) => {
    const { mcpLogsAction } = await import('./cli/mcp.ts');
    await report(mcpLogsAction, { ...options, name });
  },
);
mcpCommand(
  mcp
    .command('approve')
    .description('offer tools that are held back until somebody has read their descriptions')
    .argument('[name]', 'of a server, or of one tool; without, they are only shown'),
).action(async (name: string | undefined, options) => {
  const { mcpApproveAction } = await import('./cli/mcp.ts');
  await report(mcpApproveAction, { ...options, name });
});

program
  .command('serve')
  .description('the embedded demo server alone, for other devices and for tests')
  .option('--host <address>', 'address to listen on', '127.0.0.1')
  .option('--port <port>', 'port to listen on; 0 takes any', port, 8000)
  .option('--activation', 'a new device has to be activated with a code')
  .option('--auth', 'the WebSocket needs the token of the OTA answer')
  .option('--script <file>', 'play a scripted conversation')
  .option('--impair <network>', 'a bad network, loss=5%,jitter=40ms,reorder=3%,dup=2%,seed=1')
  .addOption(
    new Option('--manner <server>', 'take after a real server')
      .choices(['plain', 'python', 'go', 'java'])
      .default('plain'),
  )
  .option('--think <ms>', 'how long the model thinks before it calls a tool or speaks', milliseconds, 0)
  .option('--mqtt-port <port>', 'port of the MQTT broker; 0 takes any', port, 0)
  .option('--udp-port <port>', 'port of the UDP audio; 0 takes any', port, 0)
  .addOption(
    new Option('--log-level <level>', 'what is logged')
      .choices(['debug', 'info', 'warn', 'error', 'silent'])
      .default('info'),
  )
  .action(async (options) => {
    const { serveAction } = await import('./cli/serve.ts');
    await run(serveAction, options);
  });

program.parseAsync().catch((thrown: unknown) => {
  const exitCode = failed(thrown);
  if (!lastResort.hasStruck) process.exitCode = exitCode;
});

function failed(thrown: unknown): number {
  // Commander has already said what was wrong, or shown the help that was asked for.
  if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? ExitCode.done : ExitCode.usage;
  if (thrown instanceof ClientError) {
    process.stderr.write(`${thrown.message} [${thrown.code}]\n`);
    return exitCodeOf(thrown.code);
  }
  process.stderr.write(`This should not have happened: ${messageOf(thrown)} [${ErrorCode.internal}]\n`);
  if (thrown instanceof Error) process.stderr.write(`${thrown.stack}\n`);
  return ExitCode.failed;
}
