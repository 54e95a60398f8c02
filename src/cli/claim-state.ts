import { acquireStateLock, type StateLock } from '../adapters/storage/state-lock.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';
import type { CliContext } from './context.ts';

/** The state directory is ours until the release, or a device has it. */
export type StateClaim =
  | { readonly lock: StateLock; readonly held?: undefined }
  | { readonly lock?: undefined; readonly held: ClientError };

/** What is doubtful about the directory is told on standard error. @throws ClientError STATE_UNWRITABLE */
export async function claimState(
  directory: string,
  { stderr }: Pick<CliContext, 'stderr'>,
): Promise<StateClaim> {
  try {
    const lock = await acquireStateLock(directory);
    if (lock.doubt) stderr.write(`${lock.doubt.message}\n`);
    return { lock };
  } catch (thrown) {
    if (thrown instanceof ClientError && thrown.code === ErrorCode.stateLocked) return { held: thrown };
    throw thrown;
  }
}
