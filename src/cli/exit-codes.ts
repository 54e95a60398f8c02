import { ErrorCode } from '../core/errors.ts';
import { ExitCode } from './context.ts';

const exitCodes: Readonly<Partial<Record<ErrorCode, number>>> = {
  [ErrorCode.usageInvalid]: ExitCode.usage,
  [ErrorCode.configInvalid]: ExitCode.usage,
  [ErrorCode.configUnreadable]: ExitCode.usage,
  [ErrorCode.transportUnreachable]: ExitCode.serverNeverReached,
  [ErrorCode.provisioningUnreachable]: ExitCode.serverNeverReached,
  [ErrorCode.provisioningGaveUp]: ExitCode.serverNeverReached,
  [ErrorCode.audioBackendMissing]: ExitCode.noSoundDevice,
  [ErrorCode.audioDeviceMissing]: ExitCode.noSoundDevice,
  [ErrorCode.audioDeviceLost]: ExitCode.noSoundDevice,
  [ErrorCode.audioFileInvalid]: ExitCode.noSoundDevice,
};

/** How a command that failed with this error ends. */
export function exitCodeOf(code: ErrorCode): number {
  return exitCodes[code] ?? ExitCode.failed;
}
