import { ClientError, ErrorCode } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { ServerEvent } from '../machine/events.ts';
import type { StatusDisplay } from '../ports/status-display.ts';
import { parseServerMessage } from '../protocol/messages.ts';
import type { ReportProblem } from './problem-reporter.ts';
import { handleServerMessage } from './server-messages.ts';
import type { ToolChannel } from './tool-channel.ts';
import type { Wire } from './wire.ts';

export interface MessageParts {
  readonly wire: Wire;
  readonly display: StatusDisplay;
  readonly report: ReportProblem;
  readonly logger: Logger;
}

export interface MessageTarget {
  readonly toMachine: (event: ServerEvent) => void;
  readonly tools: ToolChannel | undefined;
}

/** One message of the server, over whatever road it came: checked once, then acted on within the same call. */
export function receiveMessage(
  json: Readonly<Record<string, unknown>>,
  { display, report, logger }: MessageParts,
  { toMachine, tools }: MessageTarget,
): void {
  const parsed = parseServerMessage(json);
  if (parsed.ok) {
    handleServerMessage(parsed.message, {
      toMachine,
      toMcp: (payload) => tools?.receive(payload),
      report,
      display,
      logger,
    });
    return;
  }
  const type = parsed.type.slice(0, 40);
  if (parsed.problem === 'nothing') {
    logger.debug('A message of the server was of no use', { type, reason: parsed.reason });
    return;
  }
  const what = type === '' ? 'a message' : `a message of type "${type}"`;
  report(
    new ClientError(
      parsed.problem === 'unknown-type' ? ErrorCode.protocolUnknownType : ErrorCode.protocolBadMessage,
      `The server sent ${what} that cannot be used (${parsed.reason}). It was ignored; nothing needs to be done unless something is missing.`,
      { retryable: true },
    ),
    `${parsed.problem}:${type}`,
  );
}
