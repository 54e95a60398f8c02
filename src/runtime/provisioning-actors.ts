import { fromPromise } from 'xstate';
import { type Clock, wait } from '../core/clock.ts';
import { ClientError, ErrorCode, toClientError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { ProvisioningResult } from '../machine/events.ts';
import type {
  ActivationOutcome,
  ActivationRequest,
  Provisioning,
  ProvisioningAnswer,
} from '../ports/provisioning.ts';

/** Firmware A42: how often the activation is asked for in one go, and the pauses between. */
const maxActivationCalls = 10;
const activationPauseMs: Readonly<Record<Exclude<ActivationOutcome, 'activated'>, number>> = {
  pending: 3_000,
  failed: 10_000,
};

/** What an OTA server once said, kept over restarts. */
export interface AnswerMemory {
  recall(): ProvisioningAnswer | undefined;
  remember(answer: ProvisioningAnswer): Promise<void>;
}

/** Nothing where nobody knows. */
// biome-ignore lint/suspicious/noConfusingVoidType: a function that tells nothing is one of them
type UsedAnswer = boolean | void;

export interface ProvisioningParts {
  /** Undefined when the user named the chat server: then nobody has to be asked. */
  readonly provisioning: Provisioning | undefined;
  readonly memory: AnswerMemory;
  /**
   * From now on, connect as this answer says; true when that is elsewhere than before. Throws ClientError when it names no
   * server this device can use.
   */
  readonly useAnswer: (answer: ProvisioningAnswer) => UsedAnswer | Promise<UsedAnswer>;
  /** The server offers a newer firmware; told at every check. */
  readonly onFirmware?: ((version: string) => void) | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The promise actors of the machine's `provisioning` state; neither ever rejects. */
export function createProvisioningActors(parts: ProvisioningParts) {
  let pending: ActivationRequest = {};
  let activatedMs = Number.NEGATIVE_INFINITY;
  return {
    checkProvisioning: fromPromise<ProvisioningResult>(async ({ signal }) => {
      if (!parts.provisioning) return { kind: 'ready' };
      try {
        const answer = await parts.provisioning.check(signal);
        const { activation, firmware } = answer;
        if (firmware?.newer) parts.onFirmware?.(firmware.version);
        if (!activation || (activation.code === undefined && activation.challenge === undefined)) {
          await accept(answer, parts);
          return { kind: 'ready' };
        }
        pending = activation;
        return { kind: 'activation', code: activation.code ?? '', message: activation.message ?? '' };
      } catch (thrown) {
        return fallBack(toClientError(thrown, ErrorCode.provisioningUnreachable), parts);
      }
    }),
    activate: fromPromise<void>(async ({ signal }) => {
      for (let call = 0; call < maxActivationCalls && !signal.aborted; call++) {
        const outcome =
          (await parts.provisioning?.activate(pending, signal).catch(() => 'failed' as const)) ?? 'failed';
        if (outcome === 'activated') {
          // Some servers say so to everybody and go on asking for a code: nobody is asked more often than that.
          const restMs = activatedMs + activationPauseMs.pending - parts.clock.now();
          if (restMs > 0) await wait(parts.clock, restMs, signal);
          activatedMs = parts.clock.now();
          return;
        }
        await wait(parts.clock, activationPauseMs[outcome], signal);
      }
    }),
  };
}

async function accept(
  answer: ProvisioningAnswer,
  { useAnswer, memory, logger }: ProvisioningParts,
): Promise<void> {
  await useAnswer(answer);
  // A full disk must not keep the device from talking; it only makes the next start depend on the OTA server.
  await memory.remember(answer).catch((thrown: unknown) => {
    logger.warn('The answer of the OTA server could not be kept', { cause: thrown });
  });
}

async function fallBack(
  error: ClientError,
  { memory, useAnswer }: ProvisioningParts,
): Promise<ProvisioningResult> {
  const remembered = memory.recall();
  if (!remembered) return { kind: 'failed', error, canUseLastAnswer: false };
  try {
    await useAnswer(remembered);
  } catch {
    return { kind: 'failed', error, canUseLastAnswer: false };
  }
  const kept = new ClientError(
    error.code,
    `${error.message} The device starts with what this server said last time.`,
    { retryable: error.retryable, cause: error },
  );
  return { kind: 'failed', error: kept, canUseLastAnswer: true };
}
