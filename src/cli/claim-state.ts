import { acquireStateLock, type StateLock } from '../adapters/storage/state-lock.ts';
import { ClientError, ErrorCode } from '../core/errors.ts';

/** The state directory is ours until the release, or a device has it. */
export type StateClaim =
  | { readonly lock: StateLock; readonly held?: undefined }
  | { readonly lock?: undefined; readonly held: ClientError };

/** @throws ClientError STATE_UNWRITABLE */
export async function claimState(directory: string): Promise<StateClaim> {
  try {
    return { lock: await acquireStateLock(directory) };
  } catch (thrown) {
    if (thrown instanceof ClientError && thrown.code === ErrorCode.stateLocked) return { held: thrown };
    throw thrown;
  }
}
