import type { Clock } from '../../core/clock.ts';
import { ClientError, ErrorCode } from '../../core/errors.ts';
import type { Provisioning } from '../../ports/provisioning.ts';
import { type HttpAnswer, httpPost } from './http-post.ts';
import { parseOtaAnswer } from './ota-answer.ts';
import { loginPageFailure, requestFailure, showUrl, statusFailure } from './ota-failure.ts';
import { activateBody, activateUrl, checkBody, type OtaDevice, otaHeaders } from './ota-request.ts';
import { readSystemFacts, type SystemFacts } from './system-facts.ts';

/** Firmware A13. */
const LIMIT_MS = 30_000;
/** Real answers have about 1 KiB. */
const MAX_ANSWER_BYTES = 64 * 1024;
/** Firmware A10. */
const SHORTEST_URL = 10;

export interface OtaClientSettings {
  /** `http(s)://…/ota/`. */
  readonly url: string;
  readonly device: OtaDevice;
  /** PEM certificates of all authorities to trust; undefined means the usual ones. */
  readonly authorities?: readonly string[] | undefined;
  /** Activation body inside `{"Payload": …}` (I21). */
  readonly wrapActivationPayload: boolean;
  readonly clock: Clock;
  /** Wall clock, ms since 1970. */
  readonly wallClock?: () => number;
  readonly systemFacts?: () => Promise<SystemFacts>;
}

/**
 * Asks an OTA server over HTTP where to connect, and activates the device there (firmware A10–A25, A44–A48).
 * Retries are the caller's.
 * @throws ClientError CONFIG_INVALID when the URL cannot be one.
 */
export function createOtaClient(settings: OtaClientSettings): Provisioning {
  const { url, device, wallClock = Date.now, systemFacts = readSystemFacts } = settings;
  if (url.length < SHORTEST_URL || !/^https?:\/\//i.test(url) || !URL.canParse(url))
    throw new ClientError(
      ErrorCode.configInvalid,
      `server.url is no OTA address: found “${showUrl(url)}”, allowed is an http(s)://…/ota/ URL.`,
    );

  const post = (target: string, body: string, signal: AbortSignal): Promise<HttpAnswer> =>
    httpPost({
      url: target,
      headers: otaHeaders(device),
      body,
      authorities: settings.authorities,
      limitMs: LIMIT_MS,
      maxBodyBytes: MAX_ANSWER_BYTES,
      clock: settings.clock,
      signal,
    });

  return {
    url: showUrl(url),

    check: async (signal) => {
      const body = checkBody(device, await systemFacts());
      const answer = await post(url, body, signal).catch((cause) => {
        signal.throwIfAborted();
        throw cause instanceof ClientError ? cause : requestFailure(url, cause);
      });
      const loginPage = loginPageFailure(url, answer);
      if (loginPage) throw loginPage;
      if (answer.status !== 200) throw statusFailure(url, answer);
      return parseOtaAnswer(answer.body, {
        url: showUrl(url),
        nowMs: wallClock(),
        version: device.version,
      });
    },

    activate: async ({ challenge }, signal) => {
      if (!challenge) return 'failed';
      const body = activateBody(device, challenge, settings.wrapActivationPayload);
      try {
        const { status } = await post(activateUrl(url), body, signal);
        if (status === 200) return 'activated';
        return status === 202 ? 'pending' : 'failed';
      } catch {
        signal.throwIfAborted();
        return 'failed';
      }
    },
  };
}
