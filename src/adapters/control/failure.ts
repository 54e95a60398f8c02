import { type ClientError, ErrorCode } from '../../core/errors.ts';
import { type ControlledTool, NotAsShownError } from '../../ports/control-api.ts';

/** Body of every answer that is no success. */
export interface Failure {
  readonly error: { readonly code: string; readonly message: string };
  /** What is held, where an approval was not of it. */
  readonly held?: readonly ControlledTool[];
}

export type FailureStatus = 400 | 404 | 409 | 429 | 500 | 502 | 503 | 504;

const statuses: Readonly<Partial<Record<ErrorCode, FailureStatus>>> = {
  [ErrorCode.usageInvalid]: 400,
  [ErrorCode.configInvalid]: 400,
  [ErrorCode.toolArgumentsInvalid]: 400,
  [ErrorCode.notFound]: 404,
  [ErrorCode.toolUnknown]: 404,
  [ErrorCode.conflict]: 409,
  [ErrorCode.toolCancelled]: 409,
  [ErrorCode.toolBusy]: 429,
  [ErrorCode.toolFailed]: 502,
  [ErrorCode.toolBadOutput]: 502,
  [ErrorCode.toolUnreachable]: 502,
  [ErrorCode.toolTimeout]: 504,
  [ErrorCode.notReady]: 503,
};

export const failureOf = (code: string, message: string): Failure => ({ error: { code, message } });

/** What the caller is told of an error. What nobody expected may say anything, so it stays in the log. */
export function toldOf(error: ClientError): { readonly status: FailureStatus; readonly body: Failure } {
  const message =
    error.code === ErrorCode.internal
      ? 'Something went wrong inside the device; its log has the details.'
      : error.message;
  const held = error instanceof NotAsShownError ? { held: error.held } : {};
  return { status: statuses[error.code] ?? 500, body: { ...failureOf(error.code, message), ...held } };
}
