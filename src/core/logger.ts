/** Values beside a constant message. Personal words (transcripts) go under `private`, which is hidden unless asked for. */
export interface LogFields {
  readonly [name: string]: unknown;
  readonly private?: Readonly<Record<string, unknown>>;
}

/** Where the device says what it does. The message is a constant; values are fields, so that logs can be searched. */
export interface Logger {
  /** A logger whose lines carry the name of a part of the device. */
  child(scope: string): Logger;
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Says nothing. */
export const silentLogger: Logger = {
  child: () => silentLogger,
  debug: () => {},
  info: () => {},
  warn: () => {},
  error: () => {},
};
