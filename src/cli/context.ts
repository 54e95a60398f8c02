/** What a process reports to whoever started it; scripts rely on these numbers. */
export const ExitCode = {
  done: 0,
  failed: 1,
  usage: 2,
  serverNeverReached: 3,
  noSoundDevice: 4,
  notActivated: 5,
} as const;

/** What a command gets from the process it runs in, so that commands can be run and looked at in tests. */
export interface CliContext {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly stdin: NodeJS.ReadStream;
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  /** Aborted by SIGINT, SIGTERM and SIGHUP: finish cleanly and return. */
  readonly stop: AbortSignal;
}

/**
 * A command's work. Returns the exit code; throws ClientError for expected failures, whose message main prints and whose
 * code decides the exit code.
 */
export type CommandAction<Options> = (options: Options, context: CliContext) => Promise<number>;
